"""Which joints a thing hides, by casting a ray from the eye to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import Placed

_SLACK = np.float32(1.001)
"""Of the ball around a surface, for rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A closed surface of triangles, worked out once for any number of rays.

    A ray in direction d from the eye e passes the side from a to b on the left or right by the sign of
    d . (a x b) + (e x d) . (b - a) (J. Pluecker 1865), and a triangle from its front where all three are negative.
    Neighbours have the same numbers for the side they share, so no ray slips through between them.
    """

    sides: Floats
    """(6, 3 x face): b - a and a x b of the first sides of all faces, then of the second, then of the third."""
    planes: Floats
    """(4, face): normal n, outwards and not of unit length, and n . a."""
    middle: Floats
    radius: np.float32
    """Of a ball around it."""

    @classmethod
    def of(cls, vertices: Floats, faces: NDArray[np.int32]) -> Surface:
        """vertices: (vertex, 3); faces: (face, 3), counter-clockwise seen from outside."""
        corners = np.asarray(vertices, np.float32)[faces.T]
        ends = corners[[1, 2, 0]]
        sides = np.concatenate([ends - corners, np.cross(corners, ends)], axis=2).reshape(-1, 6).T
        normals = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        planes = np.vstack([normals.T, np.einsum("fi,fi->f", normals, corners[0])])
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        middle = ((low + high) / 2).astype(np.float32)
        radius = np.linalg.norm(high - middle).astype(np.float32) * _SLACK
        return cls(np.ascontiguousarray(sides), np.ascontiguousarray(planes), middle, radius)

    def hides(self, points: Array, eye: Array) -> NDArray[np.bool_]:
        """(point,) whether a face that turns to the eye, which is outside, lies between it and the point."""
        hidden = np.zeros(len(points), bool)
        rays = (points - eye).astype(np.float32)
        near = np.flatnonzero(self._near(rays, eye))
        if len(near):
            hidden[near] = self._met(rays[near], eye).any(axis=1)
        return hidden

    def _near(self, rays: Floats, eye: Array) -> NDArray[np.bool_]:
        """(ray,) whether the way along it passes the ball."""
        middle = self.middle - eye.astype(np.float32)
        lengths2 = np.maximum(np.einsum("ri,ri->r", rays, rays), np.float32(1e-6))
        share = np.minimum(np.maximum(rays @ middle / lengths2, 0), 1)
        aside = middle - share[:, None] * rays
        passed: NDArray[np.bool_] = np.einsum("ri,ri->r", aside, aside) <= self.radius * self.radius
        return passed

    def _met(self, rays: Floats, eye: Array) -> NDArray[np.bool_]:
        """(ray, face)"""
        x, y, z = eye.tolist()
        moment = rays @ np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]], np.float32)
        passed = np.concatenate([moment, rays], axis=1) @ self.sides
        faces = self.planes.shape[1]
        inside = passed.reshape(len(rays), 3, faces).max(axis=1) <= 0
        slope = rays @ self.planes[:3]
        height = self.planes[3] - eye.astype(np.float32) @ self.planes[:3]
        # 0 < height / slope < 1 is the share of the way to the point at which the ray meets the triangle's plane.
        met: NDArray[np.bool_] = inside & (height < 0) & (slope < height)
        return met


def hidden_joints(placed: Placed, eye_mm: Array, joints_mm: Array) -> NDArray[np.bool_]:
    """(joint,) True where a face of the thing lies between the eye and the joint.

    Lenses do not matter: their rays are straight in the world.
    """
    return Surface.of(placed.vertices_mm, placed.look.faces).hides(joints_mm, eye_mm)
