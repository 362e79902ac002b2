"""Where a camera stands in the world, and the matrices that OpenGL wants of it.

World axes: y up, millimetres. Camera axes as in engine.body: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.body.camera import Camera
from training.kinematics import Array

_NEAR_MM, _FAR_MM = 100.0, 100_000.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera somewhere in the world: x_camera = rotation @ (x_world - eye_mm), camera axes as in engine.body."""

    camera: Camera
    rotation: Array
    eye_mm: Array

    @classmethod
    def towards(cls, camera: Camera, eye_mm: ArrayLike, *, target_mm: ArrayLike) -> View:
        """A level camera at `eye_mm` whose optical axis goes through `target_mm`."""
        eye = np.asarray(eye_mm, np.float64)
        forward = np.asarray(target_mm, np.float64) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        return cls(camera, np.stack([right, np.cross(forward, right), forward]), eye)

    def camera_mm(self, world_mm: Array) -> Array:
        """(..., 3) world points -> camera axes."""
        return (world_mm - self.eye_mm) @ self.rotation.T

    @property
    def clip_from_world(self) -> Array:
        """OpenGL's matrix for rows stored from the top: y is not flipped, so the first row read back is the top one."""
        (fx, fy), (cx, cy), (width, height) = self.camera.focal_px, self.camera.centre_px, self.camera.size_wh
        projection = np.array(
            [
                [2 * fx / width, 0.0, (2 * cx + 1) / width - 1, 0.0],
                [0.0, 2 * fy / height, (2 * cy + 1) / height - 1, 0.0],
                [0.0, 0.0, (_FAR_MM + _NEAR_MM) / (_FAR_MM - _NEAR_MM), -2 * _FAR_MM * _NEAR_MM / (_FAR_MM - _NEAR_MM)],
                [0.0, 0.0, 1.0, 0.0],
            ]
        )
        placed = np.eye(4)
        placed[:3, :3], placed[:3, 3] = self.rotation, -self.rotation @ self.eye_mm
        return projection @ placed

    @property
    def ray_from_ndc(self) -> Array:
        """(3, 3): (x, y, 1) in normalised device coordinates -> direction in the world."""
        width, height = self.camera.size_wh
        pixel_from_ndc = np.array([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1]])
        ray: Array = self.rotation.T @ np.linalg.inv(self.camera.K) @ pixel_from_ndc
        return ray
