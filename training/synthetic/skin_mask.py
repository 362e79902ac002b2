"""Which texels of an avatar's atlas are skin: body, clothes and face share one picture without any mark.

The person's own cheeks and hands say what its skin looks like; elsewhere a texel is skin where its colour is like
that, judged the more strictly the less likely the part is bare. All of the head counts as skin, hair and brows too,
so that a change of clothes never dyes them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.avatar import BODY_JOINTS
from training.synthetic.rig import ROW
from training.synthetic.simplify import Simplified

_OUTSIDE, _HEAD, _NECK, _HAND, _LIMB, _TRUNK, _FOOT = range(7)
_REACH = {_OUTSIDE: 1.6, _NECK: 2.6, _HAND: 2.6, _LIMB: 2.1, _TRUNK: 1.5, _FOOT: 1.0}
"""Part -> colour distance at which skin ends, in units of `_SPREAD_LAB`."""
_SPREAD_LAB = np.array([20.0, 5.5, 6.5])
"""How much one person's skin varies: shading and tan in L, blush in a and b (CIE 1976, L of 0..100)."""
_SOFT = 0.35
"""Width of the edge, same units."""


def skin_share(mesh: Simplified, texture_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width) 255 where the body's texture shows skin, 0 where it shows cloth, soft between."""
    parts = _painted(mesh, texture_rgb.shape[0])
    lab = cv2.cvtColor(texture_rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    lab = np.asarray(cv2.GaussianBlur(lab, (0, 0), 1.0), np.float64)
    skins = [np.median(lab[region], axis=0) for region in _bare(mesh, parts) if region.sum() > 50]
    distance = np.min([np.linalg.norm((lab - skin) / _SPREAD_LAB, axis=-1) for skin in skins], axis=0)
    reach = np.ones(parts.shape)
    for part, value in _REACH.items():
        reach[parts == part] = value
    share = np.clip((reach - distance) / _SOFT + 0.5, 0.0, 1.0)
    share[parts == _HEAD] = 1.0
    cleaned: NDArray[np.uint8] = cv2.medianBlur(np.rint(255 * share).astype(np.uint8), 5)
    return np.where(parts == _HEAD, np.uint8(255), cleaned)


def _bare(mesh: Simplified, parts: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    """Cheeks and brow, and the backs of the hands: places that no clothes of these avatars cover."""
    size = parts.shape[0]
    head = _vertices_of(mesh, "Head")
    face = head & (mesh.normals[:, 2] > 0.5) & (mesh.vertices_mm[:, 2] > 60)
    drawn = np.zeros((size, size), np.uint8)
    rows = _body_faces(mesh)
    _fill(drawn, mesh, rows[face[mesh.faces[rows]].all(axis=1)], np.full(len(mesh.faces), 1, np.uint8))
    return [drawn == 1, parts == _HAND]


def _painted(mesh: Simplified, size: int) -> NDArray[np.uint8]:
    """(size, size) part of the body that each texel belongs to."""
    part_of_joint = np.full(256, _HAND, np.uint8)  # the fingers
    for name in BODY_JOINTS:
        part_of_joint[ROW[name]] = _part(name)
    strongest = np.take_along_axis(mesh.joint_indices, mesh.joint_weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    of_face = np.sort(part_of_joint[strongest][mesh.faces], axis=1)[:, 1]
    painted = np.zeros((size, size), np.uint8)
    _fill(painted, mesh, _body_faces(mesh), of_face)
    return painted


def _body_faces(mesh: Simplified) -> NDArray[np.intp]:
    """Rows of the faces that show the body's texture, hair left out."""
    body = [part for part in mesh.parts if part.texture == 0]
    return np.concatenate([np.arange(part.first_face, part.first_face + part.face_count) for part in body])


def _part(name: str) -> int:
    if name in ("Head", "Neck"):
        return _HEAD if name == "Head" else _NECK
    if name.endswith("Hand"):
        return _HAND
    if name.endswith(("Foot", "ToeBase")):
        return _FOOT
    return _LIMB if name.endswith(("Arm", "Leg")) else _TRUNK


def _vertices_of(mesh: Simplified, joint: str) -> NDArray[np.bool_]:
    weights = (mesh.joint_weights * (mesh.joint_indices == ROW[joint])).sum(axis=1)
    return np.asarray(weights > 0.7)


def _fill(target: NDArray[np.uint8], mesh: Simplified, rows: NDArray[np.intp], values: NDArray[np.uint8]) -> None:
    corners = np.rint(mesh.uv[mesh.faces[rows]] * target.shape[0] - 0.5).astype(np.int32)
    for corner, value in zip(corners, values[rows].tolist(), strict=True):
        cv2.fillConvexPoly(target, corner, value)
