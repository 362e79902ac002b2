"""Feet on the ground: an avatar's soles are not where the recorded person's soles were, so its height is corrected.

The recording says when the lower foot is in the air and how high (a jump stays a jump); the avatar's own lowest sole
vertex is brought to exactly that height.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.avatar import Avatar
from training.bvh import Motion
from training.kinematics import Array
from training.retarget import AvatarMotion, leg_ratio

_CMU_SOLES_MM = np.array([[0.0, -59.0, 140.0], [0.0, -59.0, -50.0]])
"""Toe and heel from the ankle, in the foot's axes: the recorded T-pose has its ankles near 59 mm of height."""
_NOISE_MM = 20.0
"""Clearance below this is taken for standing: skin and markers move by so much on a foot at rest."""
_SMOOTH_FRAMES = 1.5


def on_ground(moved: AvatarMotion, avatar: Avatar, motion: Motion) -> AvatarMotion:
    """The same movement, shifted up or down per frame so that soles stand at y = 0 where the recorded ones stood."""
    clearance_mm = np.maximum(recorded_clearance_mm(motion) - _NOISE_MM, 0.0) * leg_ratio(motion, avatar)
    shift_mm = clearance_mm - lowest_sole_mm(moved, avatar)
    positions_mm = moved.positions_mm.copy()
    positions_mm[..., 1] += gaussian_filter1d(shift_mm, _SMOOTH_FRAMES, mode="nearest")[:, None]
    return replace(moved, positions_mm=positions_mm)


def recorded_clearance_mm(motion: Motion) -> Array:
    """(frame,) height of the recorded person's lowest sole point over the ground, which is where it usually stands."""
    rotations, positions_mm = motion.world()
    feet = motion.rows(["lFoot", "rFoot"])
    soles_mm = positions_mm[:, feet, None] + np.einsum("fjab,sb->fjsa", rotations[:, feet], _CMU_SOLES_MM)
    lowest_mm = soles_mm[..., 1].min(axis=(1, 2))
    clearance_mm: Array = lowest_mm - np.percentile(lowest_mm, 20)
    return clearance_mm


def lowest_sole_mm(moved: AvatarMotion, avatar: Avatar) -> Array:
    """(frame,) height of the avatar's lowest sole vertex."""
    lowest = np.full(len(moved), np.inf)
    strongest = avatar.joint_indices[np.arange(len(avatar.joint_indices)), avatar.joint_weights.argmax(axis=1)]
    for name in ("LeftFoot", "LeftToeBase", "RightFoot", "RightToeBase"):
        row = avatar.row(name)
        vertices = avatar.vertices_mm[strongest == row].astype(np.float64)
        if not len(vertices):
            continue
        local = vertices @ avatar.inverse_bind[row, :3, :3].T + avatar.inverse_bind[row, :3, 3]
        heights = np.einsum("fb,vb->fv", moved.rotations[:, row, 1], local) + moved.positions_mm[:, row, 1, None]
        lowest = np.minimum(lowest, heights.min(axis=1))
    return lowest
