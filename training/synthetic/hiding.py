"""Which joints a thing hides, by casting a ray from the eye to each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import Placed


def hidden_joints(placed: Placed, eye_mm: Array, joints_mm: Array) -> NDArray[np.bool_]:
    """(joint,) True where a face of the thing lies between the eye and the joint, the eye being outside."""
    return hidden_behind(placed.vertices_mm, placed.look.faces, eye_mm=eye_mm, joints_mm=joints_mm)


def hidden_behind(
    vertices_mm: Floats, faces: NDArray[np.int32], *, eye_mm: Array, joints_mm: Array
) -> NDArray[np.bool_]:
    """(joint,) True where a face of a closed surface that turns to the eye lies between the eye and the joint.

    A ray in direction d from the eye meets the triangle a, b, c from its front where d . (a x b), d . (b x c) and
    d . (c x a) are all negative; all are counted from the eye. The three sum up to d . n of the triangle's normal n,
    and n . a = a . (b x c). Neighbours compute the side they share from the same numbers, so no ray slips through
    between them. Lenses do not matter: their rays are straight in the world.
    """
    seen = (vertices_mm - eye_mm.astype(np.float32)).T
    rays = (joints_mm - eye_mm).astype(np.float32)
    hidden = np.zeros(len(rays), bool)
    near = np.flatnonzero(_may_meet(rays, seen))
    if len(near) == 0:
        return hidden
    a, b, c = (seen[:, corner] for corner in faces.T)
    opposite = _cross(b, c)
    height = np.einsum("if,if->f", a, opposite)
    front = np.flatnonzero(height < 0)
    a, b, c, opposite, height = a[:, front], b[:, front], c[:, front], opposite[:, front], height[front]
    rays = rays[near]
    ab, bc, ca = rays @ _cross(a, b), rays @ opposite, rays @ _cross(c, a)
    # 0 < height / slope < 1 is the share of the way to the joint at which the ray meets the triangle's plane.
    met = (np.maximum(np.maximum(ab, bc), ca) <= 0) & (ab + bc + ca < height)
    hidden[near] = met.any(axis=1)
    return hidden


def _may_meet(rays: Floats, points: Floats) -> NDArray[np.bool_]:
    """(ray,) whether the way along a ray passes the ball around all (3, n) points."""
    low, high = points.min(axis=1), points.max(axis=1)
    middle = (low + high) / 2
    half = high - middle
    lengths2 = np.einsum("ri,ri->r", rays, rays)
    share = np.minimum(np.maximum(rays @ middle / np.maximum(lengths2, np.float32(1e-6)), 0), 1)
    nearest = middle - share[:, None] * rays
    met: NDArray[np.bool_] = np.einsum("ri,ri->r", nearest, nearest) <= half @ half * np.float32(1.001)
    return met


def _cross(one: Floats, other: Floats) -> Floats:
    """np.cross of (3, face), several times as fast."""
    (a, b, c), (d, e, f) = one, other
    result = np.empty_like(one)
    result[0], result[1], result[2] = b * f - c * e, c * d - a * f, a * e - b * d
    return result
