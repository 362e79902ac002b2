"""Making a pack from a data directory: once, about half a minute, then from the user's cache."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.blazepose.cache import cache_dir
from engine.body.skeleton import H36M17
from training.avatar import Avatar, load_avatar
from training.cmu import BoneMotion, clip_rows, load_motion
from training.data_directory import DataDirectory, DataDirectoryError
from training.gltf import AvatarError
from training.synthetic.pack import (
    NORMAL_STEPS,
    QUATERNION_STEPS,
    TENTHS_PER_MM,
    UV_STEPS,
    WEIGHT_STEPS,
    Pack,
)
from training.synthetic.pack_format import FORMAT_VERSION, PackError, arrays_bytes, webp, write_members
from training.synthetic.rig import rest_positions_mm
from training.synthetic.simplify import Simplified, simplified
from training.synthetic.skin_mask import skin_share

log = logging.getLogger(__name__)

TEXTURE_SIZE_PX = 512
_HAIR_SIZE_PX = 256
_BACKGROUND_WH = (1024, 512)
_TEXTURE_QUALITY, _SKIN_QUALITY, _JPEG_QUALITY = 85, 60, 92
_RECIPE = 2
"""Raised whenever the same data would give another pack."""


def pack_for(data: DataDirectory) -> Pack:
    """The pack of this directory, made at most once: kept in the user's cache under the hash of what it is made of.

    Raises as `write_pack`; a damaged file in the cache is made again.
    """
    path = cache_dir() / "training" / f"people-{_key(data)}.pack"
    if path.is_file():
        try:
            return Pack.open(path)
        except PackError as error:
            log.warning("%s; it is made again", error)
    write_pack(data, path)
    return Pack.open(path)


def write_pack(data: DataDirectory, path: Path) -> None:
    """Everything in the directory as one file, whole or not at all.

    AvatarError, BvhError, DataError name the file that cannot be used; DataDirectoryError a folder that is empty.
    """
    members: dict[str, bytes] = {"motion.npz": _motion_bytes(load_motion(data))}
    for background in _files(data, "backgrounds", "*.jpg"):
        members[f"backgrounds/{background.stem}.jpg"] = _background_bytes(background)
    for avatar in _files(data, "avatars", "*.glb"):
        members |= dict(_avatar_members(load_avatar(avatar)))
        log.info("packed %s", avatar.name)
    write_members(path, members, about={"recipe": _RECIPE, "texture_size_px": TEXTURE_SIZE_PX})


def _files(data: DataDirectory, kind: str, pattern: str) -> list[Path]:
    found = data.files(kind, pattern)
    if not found:
        raise DataDirectoryError(f"{data.path} has no {pattern} among its {kind}; docs/data.md says where to get them")
    return found


def _avatar_members(avatar: Avatar) -> Iterator[tuple[str, bytes]]:
    mesh = simplified(avatar)
    if len(mesh.vertices_mm) > np.iinfo(np.uint16).max:
        raise AvatarError(f"{avatar.name}: {len(mesh.vertices_mm)} vertices after simplifying; use a lighter avatar")
    body = _resized(avatar.textures_rgb[0], TEXTURE_SIZE_PX)
    yield f"avatars/{avatar.name}.npz", _mesh_bytes(avatar, mesh)
    yield f"avatars/{avatar.name}.webp", webp(body, _TEXTURE_QUALITY)
    yield f"avatars/{avatar.name}.skin.webp", webp(skin_share(mesh, body), _SKIN_QUALITY)
    if len(avatar.textures_rgb) > 1:
        yield (
            f"avatars/{avatar.name}.hair.webp",
            webp(_resized(avatar.textures_rgb[1], _HAIR_SIZE_PX), _TEXTURE_QUALITY),
        )


def _mesh_bytes(avatar: Avatar, mesh: Simplified) -> bytes:
    body = mesh.vertices_mm[: mesh.first_hair_vertex, 1]
    return arrays_bytes(
        vertices=np.rint(mesh.vertices_mm * TENTHS_PER_MM).astype(np.int16),
        normals=np.rint(mesh.normals * NORMAL_STEPS).astype(np.int8),
        uv=np.rint(mesh.uv * UV_STEPS).astype(np.int16),
        joint_indices=mesh.joint_indices,
        joint_weights=np.rint(mesh.joint_weights * WEIGHT_STEPS).astype(np.uint8),
        faces=mesh.faces.astype(np.uint16),
        outline=mesh.outline[0].astype(np.uint16),
        hair_outline=mesh.outline[1].astype(np.uint16),
        parts=np.array([(part.first_face, part.face_count, part.texture) for part in mesh.parts], np.int32),
        first_hair_vertex=np.array(mesh.first_hair_vertex, np.int32),
        rest_mm=rest_positions_mm(avatar, height_mm=float(np.ptp(body))).astype(np.float32),
    )


def _resized(image_rgb: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    small = cv2.resize(image_rgb, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def _background_bytes(path: Path) -> bytes:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataDirectoryError(f"{path} is no picture that can be read; fetch it again as docs/data.md says")
    if image.shape[1::-1] == _BACKGROUND_WH:
        return path.read_bytes()
    small = cv2.resize(image, _BACKGROUND_WH, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _motion_bytes(motion: BoneMotion) -> bytes:
    """Bones that always turn alike (the pelvis and both hips) are stored once."""
    first: dict[bytes, int] = {}
    kept = [first.setdefault(motion.rotations[::97, row].tobytes(), row) for row in range(len(H36M17.names))]
    stored = sorted(set(kept))
    turns = motion.rotations[:, stored].astype(np.float64).reshape(-1, 3, 3)
    quaternions = Rotation.from_matrix(turns).as_quat(canonical=True).reshape(len(motion), len(stored), 4)
    return arrays_bytes(
        quaternions=np.rint(quaternions * QUATERNION_STEPS).astype(np.int16),
        row_of_joint=np.array([stored.index(row) for row in kept], np.int32),
        rate_hz=np.array(motion.rate_hz),
        clips=clip_rows(motion.clips),
    )


def _key(data: DataDirectory) -> str:
    digest = hashlib.sha256(repr((FORMAT_VERSION, _RECIPE)).encode())
    for path in (*data.motions(), *_files(data, "avatars", "*.glb"), *_files(data, "backgrounds", "*.jpg")):
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
