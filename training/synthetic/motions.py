"""Turns of bones over time: recorded motion, half of it with limbs of other recordings, and ways from pose to pose."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from training.augment import LIMBS, mirrored, with_limb, with_trunk
from training.cmu import F32, BoneMotion
from training.kinematics import axis_rotation
from training.pose_stream import Augmentation, TurnSampler
from training.rare import RARE, at_table, standing
from training.synthetic.balance_poses import BALANCE
from training.synthetic.people import drawn_bones

POSES = Augmentation(mix=0.3, mix_part=0.35, rare=0.9, jitter_deg=5.0)
KINDS = BALANCE | {name: RARE[name] for name in ("one_leg", "side_lean", "deep_bend", "overhead")}
_HELD, _MOVING = (0, 30), (12, 50)
"""Frames at 30 a second for which a pose is held, and from one pose to the next."""
_FACING_RAD = 0.4
_MIXED, _MIXED_PART = 0.5, 0.35


class Motions:
    """Draws (moments, 17, 3, 3) turns in person axes, `stride` frames of 30 a second apart."""

    def __init__(self, motion: BoneMotion) -> None:
        self._motion = motion
        self._poses = TurnSampler(motion, POSES, rare_kinds=KINDS)

    def draw(self, rng: np.random.Generator, moments: int, stride: int) -> F32:
        drawn = self._recorded if rng.random() < 0.5 else self._from_pose_to_pose
        return drawn(rng, moments, stride)

    def _recorded(self, rng: np.random.Generator, moments: int, stride: int) -> F32:
        turns = self._piece(rng, moments, stride)
        if rng.random() < _MIXED:
            for limb in LIMBS:
                if rng.random() < _MIXED_PART:
                    turns = with_limb(turns, self._piece(rng, moments, stride), limb)
            if rng.random() < _MIXED_PART:
                turns = with_trunk(turns, self._piece(rng, moments, stride))
        return turns

    def _piece(self, rng: np.random.Generator, moments: int, stride: int) -> F32:
        """Of one recording; one that is too short ends in its last pose."""
        clips, length = self._motion.clips, moments * stride
        long = [clip for clip in clips if clip.stop - clip.start >= length] or list(clips)
        clip = long[rng.integers(len(long))]
        start = int(rng.integers(clip.start, max(clip.start, clip.stop - length) + 1))
        turns: F32 = self._motion.rotations[np.minimum(start + stride * np.arange(moments), clip.stop - 1)]
        return mirrored(turns) if rng.random() < 0.5 else turns

    def _from_pose_to_pose(self, rng: np.random.Generator, moments: int, stride: int) -> F32:
        """Poses of balance, held and left again; the body turns about the vertical by some degrees only."""
        held, moving = int(rng.integers(*_HELD)), int(rng.integers(*_MOVING))
        stops = 3 + moments * stride // (held + moving)
        keys = drawn_bones(self._poses, rng, stops).astype(np.float64)
        for row, pelvis in enumerate(keys[:, 0]):
            x, _, z = pelvis @ [0.0, 0.0, 1.0]
            keys[row] = axis_rotation("Y", rng.normal(0, _FACING_RAD) - math.atan2(x, z)) @ keys[row]
        frames = int(rng.integers(held + moving)) + stride * np.arange(moments)
        stop, since = np.divmod(frames, held + moving)
        done = np.maximum(0.0, (since - held) / moving)
        at = np.minimum(stop, stops - 2) + done * done * (3 - 2 * done)
        ways = [Slerp(np.arange(stops), Rotation.from_matrix(keys[:, bone])) for bone in range(keys.shape[1])]
        return np.stack([way(at).as_matrix() for way in ways], axis=1).astype(np.float32)


def with_still_legs(turns: F32, rng: np.random.Generator, *, seated: float) -> F32:
    """The same motion above the hips on legs that keep one pose: at a table, by this share, or standing."""
    kind = at_table if rng.random() < seated else standing
    legs = np.broadcast_to(kind(np.ascontiguousarray(turns[:1]), rng), turns.shape)
    return with_limb(with_limb(turns, legs, "left_leg"), legs, "right_leg")
