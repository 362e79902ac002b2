"""One file with everything that the renderer needs: avatars, motion, backgrounds. Read without meshoptimizer or Pillow.

The avatars are simplified, their textures 512x512 with the share of skin in alpha; motion is turns of the H36M-17
bones; backgrounds are JPEG panoramas of 1024x512. `training.synthetic.pack_build` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.avatar import Floats, Part
from training.cmu import BoneMotion, clips_of
from training.kinematics import rotation_of_quaternion
from training.synthetic.actor import Actor
from training.synthetic.pack_format import PackError, arrays_of, picture_rgb, read_members
from training.synthetic.scene import Look

TENTHS_PER_MM = 10.0
NORMAL_STEPS = 127.0
WEIGHT_STEPS = 255.0
UV_STEPS = 8192.0
QUATERNION_STEPS = 32767.0
"""Arrays are whole numbers of these fractions."""
_CURE = "make it again with `di2pose data pack`"


@dataclass(slots=True)
class Pack:
    """An open pack. Actors and backgrounds are decoded when first asked for and then kept; not for several threads."""

    path: Path
    manifest: dict[str, Any]
    members: dict[str, bytes]
    _actors: dict[str, Actor] = field(default_factory=dict)
    _motion: BoneMotion | None = None

    @classmethod
    def open(cls, path: Path) -> Pack:
        """Read and verify the whole file. PackError where it is absent, truncated, damaged or of another version."""
        return cls(path, *read_members(path))

    @property
    def actor_names(self) -> tuple[str, ...]:
        return self._names("avatars/", ".npz")

    @property
    def background_names(self) -> tuple[str, ...]:
        return self._names("backgrounds/", ".jpg")

    def actor(self, name: str) -> Actor:
        """The avatar of that name; PackError lists the names where there is none."""
        if name not in self._actors:
            arrays = self._arrays(f"avatars/{name}.npz")
            try:
                self._actors[name] = _actor(name, arrays, self._textures(name))
            except (KeyError, IndexError, ValueError) as error:
                raise PackError.of(
                    self.path, name, f"is not as this version writes it ({error})", cure=_CURE
                ) from error
        return self._actors[name]

    def background_rgb(self, name: str) -> NDArray[np.uint8]:
        """(512, 1024, 3) sRGB equirectangular panorama."""
        return picture_rgb(self._member(f"backgrounds/{name}.jpg"))

    def motion(self) -> BoneMotion:
        """All recordings; `motion().part("train")` is what may be trained on."""
        if self._motion is None:
            arrays = self._arrays("motion.npz")
            try:
                turns = _turns(arrays)
                self._motion = BoneMotion(turns, float(arrays["rate_hz"]), clips_of(arrays["clips"]))
            except (KeyError, ValueError) as error:
                raise PackError.of(self.path, "motion.npz", f"cannot be read ({error})", cure=_CURE) from error
        return self._motion

    def _textures(self, name: str) -> tuple[NDArray[np.uint8], ...]:
        body = picture_rgb(self._member(f"avatars/{name}.webp"))
        share = picture_rgb(self._member(f"avatars/{name}.skin.webp"))[..., :1]
        textures = [np.concatenate([body, share], axis=2)]
        if f"avatars/{name}.hair.webp" in self.members:
            hair = picture_rgb(self._member(f"avatars/{name}.hair.webp"))
            # Hair takes the skin's change of colour: a little lighter or darker, never the hue of the clothes.
            textures.append(np.concatenate([hair, np.full_like(hair[..., :1], 255)], axis=2))
        return tuple(textures)

    def _arrays(self, name: str) -> dict[str, NDArray[Any]]:
        try:
            return arrays_of(self._member(name))
        except (ValueError, OSError, KeyError) as error:
            raise PackError.of(self.path, name, f"cannot be read ({error})", cure=_CURE) from error

    def _member(self, name: str) -> bytes:
        if name not in self.members:
            known = ", ".join((*self.actor_names[:3], *self.background_names[:3]))
            raise PackError.of(self.path, name, f"is not in the pack, which has {known} ...", cure="give one of those")
        return self.members[name]

    def _names(self, folder: str, suffix: str) -> tuple[str, ...]:
        found = [name for name in self.members if name.startswith(folder) and name.endswith(suffix)]
        return tuple(sorted(name.removeprefix(folder).removesuffix(suffix) for name in found))


def _actor(name: str, arrays: dict[str, NDArray[Any]], textures: tuple[NDArray[np.uint8], ...]) -> Actor:
    parts = tuple(Part(*(int(value) for value in row)) for row in arrays["parts"])
    uv = (arrays["uv"] / UV_STEPS).astype(np.float32)
    faces = arrays["faces"].astype(np.int32)
    bare = int(arrays["first_hair_vertex"])
    outline, hair = arrays["outline"].astype(np.int32), arrays["hair_outline"].astype(np.int32)
    look = Look(name, uv, faces, parts, textures, np.concatenate([outline, hair]))
    body = tuple(part for part in parts if part.texture == 0)
    shown = sum(part.face_count for part in body)
    bald = Look(f"{name}/bald", uv[:bare], faces[:shown], body, textures[:1], outline) if bare < len(uv) else None
    weights = arrays["joint_weights"].astype(np.float32)
    return Actor(
        name=name,
        look=look,
        bald_look=bald,
        vertices_mm=(arrays["vertices"] / TENTHS_PER_MM).astype(np.float32),
        normals=_unit(arrays["normals"].astype(np.float32)),
        joint_indices=arrays["joint_indices"],
        joint_weights=weights / weights.sum(axis=1, keepdims=True),
        rest_mm=arrays["rest_mm"].astype(np.float64),
    )


def _turns(arrays: dict[str, NDArray[Any]]) -> Floats:
    """(frame, 17, 3, 3) from quaternions of the bones that are stored, in steps that bound the memory used."""
    quaternions, source = arrays["quaternions"], arrays["row_of_joint"]
    turns = np.empty((len(quaternions), len(H36M17.names), 3, 3), np.float32)
    for start in range(0, len(quaternions), 4096):
        some = rotation_of_quaternion(quaternions[start : start + 4096].astype(np.float64))
        turns[start : start + 4096] = some[:, source]
    return turns


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    return unit
