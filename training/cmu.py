"""CMU motion capture as turns of the H36M-17 bones, free of the recorded skeleton's own proportions.

A frame is one 3x3 matrix per joint: the turn of the bone that ends in it, away from a straight T-pose, in person axes
(x left, y up, z to the front). Row 0 is the pelvis. `training.bodies` puts bones of human lengths on them.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import cache_dir, write_atomically
from engine.body.skeleton import H36M17
from training.bvh import Motion, read_bvh
from training.data_directory import DataDirectory
from training.data_error import DataError
from training.kinematics import Array, nearest_rotation

log = logging.getLogger(__name__)

F32 = NDArray[np.float32]
Split = Literal["train", "test"]

TEST_SUBJECTS = frozenset({"02", "06", "09"})
"""Everyday actions, basketball and running: 36 clips, 6,282 frames. Never trained on."""

_CACHE_VERSION = 1
_CLIP_NAME = re.compile(r"(\d{2,3})_\d{2,3}")

_SOURCES: dict[str, dict[str, float]] = {
    "pelvis": {"hip": 1.0},
    "right_hip": {"hip": 1.0},
    "right_knee": {"rThigh": 1.0},
    "right_ankle": {"rShin": 1.0},
    "left_hip": {"hip": 1.0},
    "left_knee": {"lThigh": 1.0},
    "left_ankle": {"lShin": 1.0},
    # CMU bends 0.18 m and 0.30 m above the hips, H36M-17 at about 0.23 m: each bone turns like the parts it spans.
    "spine": {"hip": 0.75, "abdomen": 0.25},
    "thorax": {"abdomen": 0.25, "chest": 0.75},
    "neck_nose": {"neck": 0.5, "head": 0.5},
    "head_top": {"head": 1.0},
    "left_shoulder": {"lCollar": 1.0},
    "left_elbow": {"lShldr": 1.0},
    "left_wrist": {"lForeArm": 1.0},
    "right_shoulder": {"rCollar": 1.0},
    "right_elbow": {"rShldr": 1.0},
    "right_wrist": {"rForeArm": 1.0},
}
"""Joint -> recorded joints whose mean turn its bone has. The recorded rest pose draws elbows 17 and knees 8 degrees
bent; turns refer to straight limbs (shared with training.retarget), so those offsets are not used at all."""
CMU_JOINTS = tuple(dict.fromkeys(name for shares in _SOURCES.values() for name in shares))


@dataclass(frozen=True, slots=True)
class Clip:
    """Where the frames of one recording lie in a `BoneMotion`."""

    name: str
    subject: str
    start: int
    stop: int


@dataclass(frozen=True)
class BoneMotion:
    """Frames of several recordings."""

    rotations: F32
    """(frame, 17, 3, 3) global turn of each bone, person axes."""
    rate_hz: float
    clips: tuple[Clip, ...]

    def __len__(self) -> int:
        return len(self.rotations)

    @cached_property
    def subjects(self) -> frozenset[str]:
        return frozenset(clip.subject for clip in self.clips)

    def part(self, split: Split) -> BoneMotion:
        """The frames of the test subjects, or those of all others."""
        chosen = [clip for clip in self.clips if (clip.subject in TEST_SUBJECTS) == (split == "test")]
        if not chosen:
            raise DataError.of(
                "motion",
                "subjects",
                f"no clip for {split} among subjects {sorted(self.subjects)}",
                cure="fetch the CMU files that docs/data.md names",
            )
        rows = np.concatenate([np.arange(clip.start, clip.stop) for clip in chosen])
        return BoneMotion(self.rotations[rows], self.rate_hz, _consecutive(chosen))


def load_motion(directory: DataDirectory) -> BoneMotion:
    """All recordings in the directory, about 37,000 frames; read once, then from the user's cache.

    DataError (or its kind BvhError) names the file, the field and the cure.
    """
    paths = directory.motions()
    key = _key(paths)
    cached = cache_dir() / "training" / f"cmu-{key}.npz"
    if cached.is_file():
        try:
            return _cached(cached)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            log.warning("%s is damaged (%s) and is made again", cached, error)
    motion = read_clips(paths)
    buffer = io.BytesIO()
    np.savez(buffer, rotations=motion.rotations, rate_hz=motion.rate_hz, clips=clip_rows(motion.clips))
    cached.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(cached, buffer.getvalue())
    return motion


def read_clips(paths: Sequence[Path]) -> BoneMotion:
    """Read files called `SUBJECT_TRIAL.bvh`; all must have the same frame rate."""
    parts: list[F32] = []
    clips: list[Clip] = []
    rate_hz = 0.0
    for path in paths:
        subject = _subject(path)
        motion = read_bvh(path, needs=CMU_JOINTS)
        if rate_hz and abs(motion.rate_hz - rate_hz) > 0.1:
            raise DataError.of(
                path,
                "Frame Time",
                f"{motion.rate_hz:.1f} frames/s where the files before it have {rate_hz:.1f}",
                cure="resample it or take it out of the folder",
            )
        rate_hz = motion.rate_hz
        parts.append(bone_rotations(motion))
        clips.append(Clip(path.stem, subject, 0, len(motion)))
    return BoneMotion(np.concatenate(parts), rate_hz, _consecutive(clips))


def bone_rotations(motion: Motion) -> F32:
    """(frame, 17, 3, 3) global turns of the H36M-17 bones in one recording."""
    world, _ = motion.world()
    bones = np.empty((len(motion), len(H36M17.names), 3, 3), np.float32)
    for row, name in enumerate(H36M17.names):
        shares = _SOURCES[name]
        mixed: Array = np.tensordot(world[:, motion.rows(list(shares))], list(shares.values()), axes=(1, 0))
        bones[:, row] = mixed if len(shares) == 1 else nearest_rotation(mixed)
    return bones


def clip_rows(clips: Sequence[Clip]) -> NDArray[np.str_]:
    """(clip, 3) name, subject and number of frames, as they are kept in files."""
    return np.array([(clip.name, clip.subject, str(clip.stop - clip.start)) for clip in clips])


def clips_of(rows: NDArray[np.str_]) -> tuple[Clip, ...]:
    """The inverse of `clip_rows`."""
    return _consecutive([Clip(str(name), str(subject), 0, int(count)) for name, subject, count in rows])


def _subject(path: Path) -> str:
    match = _CLIP_NAME.fullmatch(path.stem)
    if match is None:
        raise DataError.of(
            path,
            "file name",
            "is not SUBJECT_TRIAL.bvh, for instance 02_01.bvh",
            cure="rename it: the split into training and test goes by subject",
        )
    return match[1]


def _consecutive(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    ends = np.cumsum([clip.stop - clip.start for clip in clips]).tolist()
    return tuple(
        Clip(clip.name, clip.subject, end - (clip.stop - clip.start), end)
        for clip, end in zip(clips, ends, strict=True)
    )


def _key(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256(repr((_CACHE_VERSION, _SOURCES)).encode())
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cached(path: Path) -> BoneMotion:
    with np.load(path, allow_pickle=False) as arrays:
        clips = clips_of(arrays["clips"])
        rotations = arrays["rotations"]
        if rotations.shape != (clips[-1].stop, len(H36M17.names), 3, 3):
            raise ValueError(f"rotations are {rotations.shape}")
        return BoneMotion(rotations, float(arrays["rate_hz"]), clips)
