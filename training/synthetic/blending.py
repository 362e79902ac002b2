"""Rotations between rotations, and the part of a rotation that goes around a bone. All arrays are (n, 3, 3)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from training.kinematics import Array, axis_rotation


def between(one: Array, other: Array, share: float) -> Array:
    """`share` of the shortest way from one to the other."""
    way = Rotation.from_matrix(np.swapaxes(one, 1, 2) @ other).as_rotvec()
    turned: Array = one @ Rotation.from_rotvec(way * share).as_matrix()
    return turned


def turned_by_half(one: Array, other: Array) -> Array:
    return between(one, other, 0.5)


def twist_rad(relative: Array, axis: str) -> Array:
    """(n,) how far rotations turn around an axis that is also the bone, the rest being a swing of the bone.

    Swing-twist decomposition: the twist is the rotation's quaternion projected on the axis.
    """
    quaternion = Rotation.from_matrix(relative).as_quat(canonical=True)
    angle: Array = 2 * np.arctan2(quaternion[:, "XYZ".index(axis)], quaternion[:, 3])
    return angle


def limited_twist(above: Array, below: Array, axis: str, limit_deg: float) -> Array:
    """`below` turned back around its own bone until it is twisted against `above` by at most the limit."""
    twist = twist_rad(np.swapaxes(above, 1, 2) @ below, axis)
    limit = np.deg2rad(limit_deg)
    back: Array = below @ axis_rotation(axis, np.clip(twist, -limit, limit) - twist)
    return back
