"""Rigged, clothed, textured people (VALID avatars in glTF form) and their linear blend skinning.

Everything is brought to one rigid skeleton in millimetres: the files scale the root by 0.01 and give every mesh its
own quantised space, which only the inverse bind matrices undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.gltf import AvatarError, Glb, read_glb
from training.kinematics import Array, forward, localised, nearest_rotation, rotation_of_quaternion

Floats = NDArray[np.float32]

BODY_JOINTS: tuple[str, ...] = (
    "Hips", "Spine", "Spine1", "Spine2", "Neck", "Head",
    "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "RightShoulder", "RightArm", "RightForeArm", "RightHand",
    "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase",
)  # fmt: skip
"""Joints without which an avatar cannot be moved (Mixamo's names)."""

_METRE_MM = 1000.0
_UNSEEN_MESHES = ("Teeth", "gland")
"""Behind closed lips and lids: 9,400 of about 32,000 vertices that no picture shows."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of faces that share one texture."""

    first_face: int
    face_count: int
    texture: int


@dataclass(frozen=True, slots=True, eq=False)
class Avatar:
    """A person at rest (T-pose, y up, facing +z, feet at y = 0) and what is needed to move it."""

    name: str
    vertices_mm: Floats
    """(vertex, 3)"""
    normals: Floats
    uv: Floats
    """(vertex, 2), (0, 0) at the upper left of the texture."""
    faces: NDArray[np.int32]
    """(face, 3), counter-clockwise seen from outside."""
    parts: tuple[Part, ...]
    joint_indices: NDArray[np.intp]
    """(vertex, 4) rows of the joints that move a vertex."""
    joint_weights: Floats
    """(vertex, 4), rows sum to one."""
    joint_names: tuple[str, ...]
    joint_parents: tuple[int, ...]
    rest_rotations: Array
    """(joint, 3, 3) relative to the parent."""
    rest_translations_mm: Array
    """(joint, 3) in the parent's axes."""
    inverse_bind: Array
    """(joint, 4, 4) from rest-pose world millimetres into the joint's axes."""
    textures_rgb: tuple[NDArray[np.uint8], ...]

    def row(self, name: str) -> int:
        """Row of a joint; AvatarError where the avatar has none of that name."""
        if name not in self.joint_names:
            raise AvatarError(f"{self.name} has no joint {name}; use an avatar with Mixamo's joint names")
        return self.joint_names.index(name)

    def rest_world(self) -> tuple[Array, Array]:
        """Global rotations (joint, 3, 3) and positions in mm (joint, 3) at rest."""
        return forward(self.joint_parents, self.rest_rotations, self.rest_translations_mm)

    def skinned(self, rotations: Array, positions_mm: Array) -> tuple[Floats, Floats]:
        """Vertices in mm and unit normals under global joint rotations (joint, 3, 3) and positions (joint, 3).

        Linear blend skinning (Magnenat-Thalmann, Laperriere and Thalmann 1988): v' = sum of w_j R_j B_j v.
        """
        moved = np.concatenate([rotations, positions_mm[..., None]], axis=-1) @ self.inverse_bind
        matrices = moved.astype(np.float32).reshape(-1, 12)
        blended = np.zeros((len(self.vertices_mm), 12), np.float32)
        for influence in range(4):
            weights = self.joint_weights[:, influence, None]
            blended += weights * matrices[self.joint_indices[:, influence]]
        blend = blended.reshape(-1, 3, 4)
        vertices = np.einsum("vij,vj->vi", blend[..., :3], self.vertices_mm) + blend[..., 3]
        normals = np.einsum("vij,vj->vi", blend[..., :3], self.normals)
        return vertices, normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def load_avatar(path: Path, *, needs: Sequence[str] = BODY_JOINTS) -> Avatar:
    """Read one .glb avatar; `needs` names the joints that it must have.

    AvatarError for a file that is broken, lacks a needed joint, a skin or a texture.
    """
    glb = read_glb(path)
    try:
        avatar = _assembled(glb)
    except (KeyError, IndexError, TypeError, StopIteration) as error:
        raise AvatarError(f"{path}: the glTF document lacks {error}; it is no rigged avatar or is damaged") from error
    missing = [name for name in needs if name not in avatar.joint_names]
    if missing:
        raise AvatarError(f"{path} has no joint {', '.join(missing)}; use an avatar with Mixamo's joint names")
    return avatar


def _assembled(glb: Glb) -> Avatar:
    nodes = glb.document["nodes"]
    mesh_nodes = [node for node in nodes if "mesh" in node and "skin" in node]
    if not mesh_nodes:
        raise AvatarError(f"{glb.path}: no skinned mesh; use a rigged avatar")
    order, parents, world = _joints(glb, mesh_nodes[0]["skin"])
    world_of_node = dict(zip(order, world, strict=True))
    row_of_node = {node: row for row, node in enumerate(order)}
    pieces, textures = [], list[int]()
    for node in mesh_nodes:
        mesh = glb.document["meshes"][node["mesh"]]
        if any(word in mesh.get("name", "") for word in _UNSEEN_MESHES):
            continue
        skin = glb.document["skins"][node["skin"]]
        binds = glb.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2).astype(np.float64)
        to_world = np.mean([world_of_node[j] @ bind for j, bind in zip(skin["joints"], binds, strict=True)], axis=0)
        rows = np.array([row_of_node[joint] for joint in skin["joints"]])
        for primitive in mesh["primitives"]:
            pieces.append(_piece(glb, primitive, to_world, rows, textures))
    rotations = nearest_rotation(world[:, :3, :3] / np.cbrt(np.linalg.det(world[:, :3, :3]))[:, None, None])
    return _joined(glb, pieces, tuple(nodes[node]["name"] for node in order), parents, rotations,
                   world[:, :3, 3] * _METRE_MM, tuple(glb.image_rgb(index) for index in textures))  # fmt: skip


def _joints(glb: Glb, skin: int) -> tuple[list[int], tuple[int, ...], Array]:
    """Node numbers of the joints, parents first; parent rows; rest matrices (joint, 4, 4) in the world, in metres."""
    nodes = glb.document["nodes"]
    parent_of = {child: index for index, node in enumerate(nodes) for child in node.get("children", ())}

    def depth(node: int) -> int:
        return 0 if node not in parent_of else 1 + depth(parent_of[node])

    order = sorted(glb.document["skins"][skin]["joints"], key=depth)
    row_of = {node: row for row, node in enumerate(order)}
    parents = tuple(row_of.get(parent_of.get(node, -1), -1) for node in order)
    world = np.empty((len(order), 4, 4))
    for row, node in enumerate(order):
        above = world[parents[row]] if parents[row] >= 0 else _above(nodes, parent_of, node)
        world[row] = above @ _local(nodes[node])
    return order, parents, world


def _above(nodes: list[dict[str, Any]], parent_of: dict[int, int], node: int) -> Array:
    matrix = np.eye(4)
    while node in parent_of:
        node = parent_of[node]
        matrix = _local(nodes[node]) @ matrix
    return matrix


def _local(node: dict[str, Any]) -> Array:
    matrix = np.eye(4)
    rotation = rotation_of_quaternion(node.get("rotation", (0.0, 0.0, 0.0, 1.0)))
    matrix[:3, :3] = rotation * np.asarray(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


@dataclass(frozen=True, slots=True)
class _Piece:
    vertices_mm: Array
    normals: Array
    uv: Floats
    joint_indices: NDArray[np.intp]
    joint_weights: Floats
    faces: NDArray[np.int32]
    texture: int


def _piece(glb: Glb, primitive: dict[str, Any], to_world: Array, rows: NDArray[np.intp], textures: list[int]) -> _Piece:
    material = glb.document["materials"][primitive["material"]]
    texture = material.get("pbrMetallicRoughness", {}).get("baseColorTexture")
    if texture is None:
        raise AvatarError(f"{glb.path}: material {material.get('name')} has no colour texture; use a textured avatar")
    if texture["index"] not in textures:
        textures.append(texture["index"])
    values = {name: glb.accessor(index) for name, index in primitive["attributes"].items()}
    weights = values["WEIGHTS_0"].astype(np.float32)
    return _Piece(
        vertices_mm=(values["POSITION"] @ to_world[:3, :3].T + to_world[:3, 3]) * _METRE_MM,
        normals=values["NORMAL"].astype(np.float64),  # the quantised spaces scale evenly and do not turn
        uv=values["TEXCOORD_0"].astype(np.float32),
        joint_indices=rows[values["JOINTS_0"]],
        joint_weights=weights / weights.sum(axis=1, keepdims=True),
        faces=glb.accessor(primitive["indices"]).astype(np.int32).reshape(-1, 3),
        texture=textures.index(texture["index"]),
    )


def _joined(glb: Glb, pieces: list[_Piece], names: tuple[str, ...], parents: tuple[int, ...], rotations: Array,
            positions_mm: Array, textures_rgb: tuple[NDArray[np.uint8], ...]) -> Avatar:  # fmt: skip
    firsts = np.cumsum([0] + [len(piece.vertices_mm) for piece in pieces])
    face_firsts = np.cumsum([0] + [len(piece.faces) for piece in pieces])
    local = localised(parents, rotations)
    offsets = np.array([positions_mm[row] - (positions_mm[p] if p >= 0 else 0) for row, p in enumerate(parents)])
    above = np.array([rotations[p] if p >= 0 else np.eye(3) for p in parents])
    bind = np.tile(np.eye(4), (len(names), 1, 1))
    bind[:, :3, :3], bind[:, :3, 3] = rotations, positions_mm
    return Avatar(
        name=glb.path.stem,
        vertices_mm=np.concatenate([piece.vertices_mm for piece in pieces]).astype(np.float32),
        normals=np.concatenate([piece.normals for piece in pieces]).astype(np.float32),
        uv=np.concatenate([piece.uv for piece in pieces]),
        faces=np.concatenate([piece.faces + np.int32(first) for piece, first in zip(pieces, firsts[:-1], strict=True)]),
        parts=tuple(
            Part(int(first), len(piece.faces), piece.texture)
            for piece, first in zip(pieces, face_firsts[:-1], strict=True)
        ),
        joint_indices=np.concatenate([piece.joint_indices for piece in pieces]),
        joint_weights=np.concatenate([piece.joint_weights for piece in pieces]),
        joint_names=names,
        joint_parents=parents,
        rest_rotations=local,
        rest_translations_mm=np.einsum("jik,ji->jk", above, offsets),
        inverse_bind=np.linalg.inv(bind).astype(np.float64),
        textures_rgb=textures_rgb,
    )
