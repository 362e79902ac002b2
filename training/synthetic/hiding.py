"""Which joints a thing hides, by casting a ray from the eye to each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array
from training.synthetic.scene import Placed

_BARELY = 1e-6


def hidden_joints(placed: Placed, eye_mm: Array, joints_mm: Array) -> NDArray[np.bool_]:
    """(joint,) True where a face of the thing lies between the eye and the joint.

    A ray in direction d from the eye meets the triangle a, b, c where d . (a x b), d . (b x c) and d . (c x a) have one
    sign; all are counted from the eye. Lenses do not matter: their rays are straight in the world.
    """
    corners = placed.vertices_mm.astype(np.float64)[placed.look.faces] - eye_mm
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    rays = joints_mm - eye_mm
    sides = np.stack([rays @ _cross(one, other).T for one, other in ((a, b), (b, c), (c, a))])
    met = (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)
    normals = _cross(b - a, c - a)
    slope = rays @ normals.T
    steep = np.abs(slope) > _BARELY
    share = np.einsum("fi,fi->f", normals, a) / np.where(steep, slope, np.inf)  # of the way to the joint
    hidden: NDArray[np.bool_] = (met & steep & (share > 0) & (share < 1)).any(axis=1)
    return hidden


def _cross(one: Array, other: Array) -> Array:
    """np.cross of (face, 3), several times as fast."""
    (a, b, c), (d, e, f) = one.T, other.T
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=1)
