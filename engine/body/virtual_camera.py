"""The camera that looks at the middle of a crop and is turned with it: the axes in which poses are estimated.

It stands where the real camera stands. In its axes a person at the edge of a wide picture, or before a tilted camera,
looks as one in the middle of a level picture does: neither tilt, roll nor place in the frame bends the pose.
Axes: y along the crop's own y, x to the right, z through the crop's middle. The crop's y axis decides and not its x
axis because crops are turned along the trunk: away from the middle of a wide picture a right angle of the crop is none
in the room, and with x a tilt of the camera would lean every trunk by a few degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.body.camera import Camera
from engine.body.crop import inverted, transformed

Array = NDArray[np.float64]

_STEP_PX = 1.0
"""Distance of the pixels by which the crop's scale at its middle is measured."""
WIDEST = 10.0
"""Rays end at 84 degrees from the crop's middle, as those of `Camera` do from the picture's."""


@dataclass(frozen=True, slots=True, eq=False)
class VirtualView:
    """One crop's virtual camera. Pixels of the crop count from the centre of its first one."""

    camera: Camera
    frame_from_crop: Array
    """(2, 3) affine map from crop pixels to frame pixels."""
    rotation: Array
    """(3, 3): x_virtual = rotation @ x_camera."""
    half_tan: float
    """Tangent of half the angle that the crop spans, measured at its middle."""

    @classmethod
    def of(cls, camera: Camera, frame_from_crop: ArrayLike, crop_size_px: int) -> VirtualView:
        """ValueError for a map that is not (2, 3) or that squeezes the crop into a line."""
        affine = np.asarray(frame_from_crop, np.float64)
        if affine.shape != (2, 3) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:, :2])) < 1e-12:
            raise ValueError(f"frame_from_crop must be (2, 3), finite and invertible, got {affine.tolist()}")
        middle = (crop_size_px - 1) / 2
        around_px = middle + _STEP_PX * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])
        rays = camera.back_project(transformed(around_px, affine))
        rotation = _looking_along(rays[0], rays[4] - rays[3])
        flat = _flat(rays @ rotation.T)
        along_x, along_y = (flat[2] - flat[1]) / (2 * _STEP_PX), (flat[4] - flat[3]) / (2 * _STEP_PX)
        area = abs(float(along_x[0] * along_y[1] - along_x[1] * along_y[0]))
        return cls(camera, affine, rotation, max(float(np.sqrt(area)), 1e-9) * crop_size_px / 2)

    def rays(self, crop_px: ArrayLike) -> Array:
        """(..., 2) pixels of the crop -> (..., 2) undistorted directions: x / z and y / z in shares of `half_tan`.

        0 is the crop's middle and 1 about its edge; always finite.
        """
        found = self.camera.back_project(transformed(crop_px, self.frame_from_crop)) @ self.rotation.T
        return _flat(found) / self.half_tan

    def crop_px(self, rays: ArrayLike) -> Array:
        """The opposite of `rays`, for directions that the real camera sees."""
        flat = np.asarray(rays, np.float64) * self.half_tan
        points = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
        return transformed(self.camera.project(self.into_camera(points)), inverted(self.frame_from_crop))

    def into_view(self, camera_mm: ArrayLike) -> Array:
        """(..., 3) in the real camera's axes -> virtual axes."""
        return np.asarray(camera_mm, np.float64) @ self.rotation.T

    def into_camera(self, view_mm: ArrayLike) -> Array:
        """(..., 3) in virtual axes -> the real camera's axes."""
        return np.asarray(view_mm, np.float64) @ self.rotation


def axes_towards(place_mm: NDArray[np.floating]) -> Array:
    """(..., 3) places before a camera -> (..., 3, 3) rows x, y, z: z leads to the place, y is the camera's down as far
    as it can be."""
    z = place_mm.astype(np.float64)
    z /= np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), 1e-9)
    y = np.array([0.0, 1.0, 0.0]) - z[..., 1:2] * z
    y /= np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), 1e-9)
    return np.stack([np.cross(y, z), y, z], axis=-2)


def _looking_along(z: Array, y: Array) -> Array:
    """Rows: x completing them, y made perpendicular to z, z; unit length each."""
    z = z / np.linalg.norm(z)
    y = y - (y @ z) * z
    y = y / np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z])


def _flat(rays: Array) -> Array:
    """(..., 3) -> (..., 2) x / z, y / z; directions beside or behind the view end at `WIDEST`."""
    beside = np.linalg.norm(rays[..., :2], axis=-1, keepdims=True)
    flat: Array = rays[..., :2] / np.maximum(rays[..., 2:], np.maximum(beside / WIDEST, 1e-12))
    return flat
