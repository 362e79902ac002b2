"""Motion without files: random turns of bones, and a motion file small enough to read in a test."""

from __future__ import annotations

import numpy as np

from training.cmu import F32, BoneMotion, Clip
from training.kinematics import axis_rotation


def random_turns(count: int, *, seed: int = 3, spread_rad: float = 0.3) -> F32:
    """(count, 17, 3, 3) turns around each axis by a spread that keeps most poses human."""
    angles = np.random.default_rng(seed).normal(0, spread_rad, (3, count, 17))
    turns = axis_rotation("X", angles[0]) @ axis_rotation("Y", angles[1]) @ axis_rotation("Z", angles[2])
    return turns.astype(np.float32)


def standing(count: int) -> F32:
    """(count, 17, 3, 3) a T-pose, all turns zero."""
    return np.broadcast_to(np.eye(3, dtype=np.float32), (count, 17, 3, 3)).copy()


def motion(*subjects: str, frames: int = 50, spread_rad: float = 0.05) -> BoneMotion:
    """One clip per subject, of near-T-poses."""
    clips = tuple(Clip(f"{name}_01", name, row * frames, (row + 1) * frames) for row, name in enumerate(subjects))
    return BoneMotion(random_turns(frames * len(subjects), spread_rad=spread_rad), 30.0, clips)
