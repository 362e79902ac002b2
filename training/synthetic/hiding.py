"""Which joints a thing hides, by casting a ray from the eye to each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import Placed


def hidden_joints(placed: Placed, eye_mm: Array, joints_mm: Array) -> NDArray[np.bool_]:
    """(joint,) True where a face of the thing lies between the eye and the joint.

    A ray in direction d from the eye meets the triangle a, b, c where d . (a x b), d . (b x c) and d . (c x a) have one
    sign; all are counted from the eye. The three sum up to d . n of the triangle's normal n, and n . a = a . (b x c).
    Neighbours compute the side they share from the same numbers, so no ray slips through between them. Lenses do not
    matter: their rays are straight in the world.
    """
    seen = (placed.vertices_mm - eye_mm).astype(np.float32).T[:, placed.look.faces.T]  # axis, corner, face
    a, b, c = seen[:, 0], seen[:, 1], seen[:, 2]
    rays = (joints_mm - eye_mm).astype(np.float32)
    opposite = _cross(b, c)
    ab, bc, ca = rays @ _cross(a, b), rays @ opposite, rays @ _cross(c, a)
    met = ((ab >= 0) & (bc >= 0) & (ca >= 0)) | ((ab <= 0) & (bc <= 0) & (ca <= 0))
    slope, height = ab + bc + ca, (a * opposite).sum(axis=0)
    # 0 < height / slope < 1 is the share of the way to the joint at which the ray meets the triangle's plane.
    between = (slope * height > 0) & (np.abs(slope) > np.abs(height))
    return np.asarray((met & between).any(axis=1))


def _cross(one: Floats, other: Floats) -> Floats:
    """np.cross of (3, face), several times as fast."""
    (a, b, c), (d, e, f) = one, other
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d])
