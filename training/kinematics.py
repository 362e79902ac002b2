"""Rotations and forward kinematics of a tree of joints, for motion files and avatars alike.

World axes: x left of the person at rest, y up, z to the front (BVH and glTF agree). Rotations are 3x3 matrices that
act on column vectors. A parent's row is always smaller than its child's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def axis_rotation(axis: str, angle_rad: ArrayLike) -> Array:
    """(...) angles around 'X', 'Y' or 'Z' -> (..., 3, 3)."""
    angle = np.asarray(angle_rad, np.float64)
    row = "XYZ".index(axis)
    one, two = (row + 1) % 3, (row + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., row, row] = 1.0
    rotation[..., one, one] = rotation[..., two, two] = np.cos(angle)
    rotation[..., two, one] = np.sin(angle)
    rotation[..., one, two] = -np.sin(angle)
    return rotation


def rotation_of_quaternion(xyzw: ArrayLike) -> Array:
    """(..., 4) quaternions, scalar last as glTF stores them, of any length but zero -> (..., 3, 3)."""
    quaternion = np.asarray(xyzw, np.float64)
    x, y, z, w = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def nearest_rotation(matrix: ArrayLike) -> Array:
    """(..., 3, 3) -> the closest proper rotation (orthogonal Procrustes, Schoenemann 1966)."""
    u, _, vt = np.linalg.svd(np.asarray(matrix, np.float64))
    u[..., :, 2] *= np.linalg.det(u @ vt)[..., None]
    nearest: Array = u @ vt
    return nearest


def shortest_rotation(source: ArrayLike, target: ArrayLike) -> Array:
    """(3,), (3,) -> the rotation of least angle that turns direction `source` into direction `target`.

    ValueError for opposite directions, where no single least rotation exists.
    """
    a = np.asarray(source, np.float64) / np.linalg.norm(source)
    b = np.asarray(target, np.float64) / np.linalg.norm(target)
    cosine = float(a @ b)
    if cosine < -1 + 1e-9:
        raise ValueError(f"no shortest rotation between opposite directions {a} and {b}")
    x, y, z = np.cross(a, b)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: Array = np.eye(3) + cross + cross @ cross / (1 + cosine)  # Rodrigues' formula without the angle
    return rotation


def forward(parents: Sequence[int], rotations: Array, translations: Array) -> tuple[Array, Array]:
    """Local rotations (..., joint, 3, 3) and translations (..., joint, 3) -> global rotations and positions.

    Joints whose parent is -1 stand in the world. Leading axes (frames) are handled together.
    """
    turned = np.empty(rotations.shape)
    placed = np.empty(rotations.shape[:-1])
    for row, parent in enumerate(parents):
        if parent < 0:
            turned[..., row, :, :] = rotations[..., row, :, :]
            placed[..., row, :] = translations[..., row, :]
            continue
        above = turned[..., parent, :, :]
        turned[..., row, :, :] = above @ rotations[..., row, :, :]
        placed[..., row, :] = placed[..., parent, :] + (above @ translations[..., row, :, None])[..., 0]
    return turned, placed


def localised(parents: Sequence[int], rotations: Array) -> Array:
    """Global rotations (..., joint, 3, 3) -> rotations relative to the parent: the inverse of `forward`."""
    local = rotations.copy()
    for row, parent in enumerate(parents):
        if parent >= 0:
            local[..., row, :, :] = np.swapaxes(rotations[..., parent, :, :], -1, -2) @ rotations[..., row, :, :]
    return local
