"""Avatars with a tenth of their vertices: a crop of 256 pixels shows no more.

meshoptimizer's edge collapse keeps a subset of the vertices where they are, with their texture coordinates, normals
and skin weights, and counts differences of all three as errors (M. Garland, P. Heckbert, "Simplifying surfaces with
color and texture using quadric error metrics", 1998).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.avatar import BODY_JOINTS, Avatar, Floats, Part
from training.gltf import AvatarError
from training.synthetic.rig import RIG_JOINTS, RIG_PARENTS, rig_rows

SURFACE_ERROR_MM = 10.0
"""99 % of the vertices that are left out lie closer than this to the surface that is kept: about a pixel of a
crop with a whole person in it."""
_FACES = {0: 3800, 1: 50, 2: 50}
"""Faces kept of body and eyes, by part; what follows is hair."""
_HAIR_FACES = 1000
_OUTLINE_FACES, _OUTLINE_HAIR_FACES = 1500, 400
"""Faces that give a body's shadow."""
OUTLINE_ERROR_MM = 12.0
"""90 % of the vertices lie closer than this to the outline's surface."""
_NORMAL_WEIGHT, _UV_WEIGHT, _SKIN_WEIGHT = 0.1, 0.3, 0.02
_LARGEST_ERROR = 1.0
"""Of the mesh's extent: the count of faces decides, not the error."""
_LEAST_WEIGHT = 0.03
"""Influences below this are given to the others: nobody sees them and they cost as much as the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Simplified:
    """An avatar's surface on the fixed rig."""

    vertices_mm: Floats
    normals: Floats
    uv: Floats
    joint_indices: NDArray[np.uint8]
    """(vertex, 4) rows of `RIG_JOINTS`."""
    joint_weights: Floats
    faces: NDArray[np.int32]
    parts: tuple[Part, ...]
    outline: tuple[NDArray[np.int32], NDArray[np.int32]]
    """Fewer faces of the same vertices, for shadows: of the body, and of the hair that can be taken off."""
    first_hair_vertex: int
    """Vertices from here on are hair that can be taken off; their number where there is none."""


def simplified(avatar: Avatar) -> Simplified:
    """Fewer faces and vertices, the same parts in the same order. AvatarError without meshoptimizer or a joint."""
    indices, weights = _on_rig(avatar)
    extent = float(np.ptp(avatar.vertices_mm, axis=0).max())
    attributes = _attributes(avatar, indices, weights)
    faces: list[NDArray[np.int32]] = []
    for row, part in enumerate(avatar.parts):
        own = avatar.faces[part.first_face : part.first_face + part.face_count]
        faces.append(_collapsed(own, avatar.vertices_mm / extent, attributes, _FACES.get(row, _HAIR_FACES)))
    counts = [len(part) for part in faces]
    used, renumbered = np.unique(np.concatenate(faces), return_inverse=True)
    firsts = np.cumsum([0, *counts[:-1]])
    hair = [row for row in range(len(faces)) if row not in _FACES]
    first_hair = int(np.searchsorted(used, min(faces[row].min() for row in hair))) if hair else len(used)
    fewer = renumbered.reshape(-1, 3).astype(np.int32)
    vertices_mm = avatar.vertices_mm[used]
    hairless = (fewer < first_hair).all(axis=1)
    return Simplified(
        vertices_mm=vertices_mm,
        normals=_unit(avatar.normals[used]),
        uv=avatar.uv[used],
        joint_indices=indices[used],
        joint_weights=weights[used],
        faces=fewer,
        outline=(
            _outline(fewer[hairless], vertices_mm, _OUTLINE_FACES),
            _outline(fewer[~hairless], vertices_mm, _OUTLINE_HAIR_FACES),
        ),
        parts=tuple(
            Part(int(first), count, part.texture)
            for first, count, part in zip(firsts, counts, avatar.parts, strict=True)
        ),
        first_hair_vertex=first_hair,
    )


def _collapsed(faces: NDArray[np.int32], positions: Floats, attributes: Floats, face_count: int) -> NDArray[np.int32]:
    try:
        import meshoptimizer
    except ImportError as error:
        raise AvatarError("simplifying avatars needs meshoptimizer: pip install 'di2pose[data]'") from error
    used, local = np.unique(faces, return_inverse=True)
    source = local.astype(np.uint32).reshape(-1)
    target = np.empty_like(source)
    weights = ([_NORMAL_WEIGHT] * 3 + [_UV_WEIGHT] * 2 + [_SKIN_WEIGHT] * len(BODY_JOINTS))[: attributes.shape[1]]
    size = ctypes.c_size_t  # the binding declares no types for this function, so numbers must carry their own
    count = meshoptimizer.simplify_with_attributes(
        target,
        source,
        np.ascontiguousarray(positions[used], np.float32),
        np.ascontiguousarray(attributes[used], np.float32),
        np.array(weights, np.float32),
        index_count=size(len(source)),
        vertex_count=size(len(used)),
        vertex_positions_stride=size(4 * 3),
        vertex_attributes_stride=size(4 * len(weights)),
        attribute_count=size(len(weights)),
        target_index_count=size(min(face_count * 3, len(source))),
        target_error=ctypes.c_float(_LARGEST_ERROR),
    )
    return used[target[:count]].astype(np.int32).reshape(-1, 3)


def _outline(faces: NDArray[np.int32], vertices_mm: Floats, face_count: int) -> NDArray[np.int32]:
    """Only where the surface lies counts: vertices in one place, at the seams of a texture, are taken for one."""
    if len(faces) <= face_count:
        return faces
    _, first, place = np.unique(vertices_mm, axis=0, return_index=True, return_inverse=True)
    joined = first[place.reshape(-1)[faces]]
    positions = vertices_mm / np.float32(np.ptp(vertices_mm, axis=0).max())
    return _collapsed(joined.astype(np.int32), positions, np.zeros((len(positions), 0), np.float32), face_count)


def _on_rig(avatar: Avatar) -> tuple[NDArray[np.uint8], Floats]:
    """The four strongest influences per vertex on the fixed rig; influences on the same joint are added up."""
    rows = rig_rows(avatar)[avatar.joint_indices]
    dense = np.zeros((len(rows), len(RIG_JOINTS)), np.float32)
    np.add.at(dense, (np.arange(len(rows))[:, None], rows), avatar.joint_weights)
    strongest = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(dense, strongest, axis=1)
    weights[weights < _LEAST_WEIGHT] = 0.0
    return strongest.astype(np.uint8), weights / weights.sum(axis=1, keepdims=True)


def _attributes(avatar: Avatar, indices: NDArray[np.uint8], weights: Floats) -> Floats:
    """(vertex, 27): normal, texture coordinates, and the share of each of the body's 22 joints."""
    body = np.arange(len(RIG_JOINTS))
    while (body >= len(BODY_JOINTS)).any():  # fingers count as the hand
        body = np.where(body >= len(BODY_JOINTS), np.array(RIG_PARENTS)[body], body)
    shares = np.zeros((len(indices), len(BODY_JOINTS)), np.float32)
    np.add.at(shares, (np.arange(len(indices))[:, None], body[indices]), weights)
    return np.concatenate([_unit(avatar.normals), avatar.uv, shares], axis=1).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit.astype(np.float32)
