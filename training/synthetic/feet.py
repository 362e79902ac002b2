"""Feet and toes, which the 17 bones do not carry: flat on the ground where a foot stands and its ankle allows it."""

from __future__ import annotations

import numpy as np

from training.kinematics import Array, axis_rotation
from training.synthetic.rig import ROW

_UP_DEG, _DOWN_DEG, _ROLL_DEG = 28.0, 48.0, 18.0
"""Ankle: toes up, toes down, sole to the side."""
_TOES_UP_DEG, _TOES_DOWN_DEG = 45.0, 10.0
_RELAXED_DEG = (22.0, 12.0)
"""Mean and spread of the angle at which a foot without ground hangs."""
_STANDING = 0.8
"""Share of feet near the ground that look for it; the others do what they like, on tiptoe too."""
_LIFTED_SHARE = 0.12
"""A shin's end this much higher than the other, in lengths of the leg, is off the ground."""


def feet_turned(turns: Array, rng: np.random.Generator) -> None:
    """Write the turns (n, 52, 3, 3) of feet and toes, from the legs' that stand there."""
    heights = np.stack([_ankle_height(turns, side) for side in ("Left", "Right")])
    for row, side in enumerate(("Left", "Right")):
        shin = turns[:, ROW[f"{side}Leg"]]
        up = shin[:, 1]  # the world's up in the shin's axes
        count = len(turns)
        pitch = np.degrees(np.arctan2(up[:, 2], up[:, 1]))  # that makes the sole level; positive is toes down
        roll = np.degrees(np.arctan2(-up[:, 0], np.hypot(up[:, 1], up[:, 2])))
        level = heights[row] - heights.min(axis=0) < _LIFTED_SHARE
        stands = level & (up[:, 1] > 0.35) & (rng.random(count) < _STANDING)
        hanging = _RELAXED_DEG[0] + _RELAXED_DEG[1] * rng.standard_normal(count)
        loose = 6.0 * rng.standard_normal(count)
        pitch = np.clip(np.where(stands, pitch + 2 * rng.standard_normal(count), hanging), -_UP_DEG, _DOWN_DEG)
        roll = np.clip(np.where(stands, roll, loose), -_ROLL_DEG, _ROLL_DEG)
        foot = shin @ axis_rotation("X", np.deg2rad(pitch)) @ axis_rotation("Z", np.deg2rad(roll))
        turns[:, ROW[f"{side}Foot"]] = foot
        left_over = np.degrees(np.arctan2(foot[:, 1, 2], foot[:, 1, 1]))
        toes = np.clip(np.where(stands, left_over, loose), -_TOES_UP_DEG, _TOES_DOWN_DEG)
        turns[:, ROW[f"{side}ToeBase"]] = foot @ axis_rotation("X", np.deg2rad(toes))


def _ankle_height(turns: Array, side: str) -> Array:
    """(n,) height of the ankle over the hip, in lengths of a leg of two equal bones."""
    height: Array = -(turns[:, ROW[f"{side}UpLeg"], 1, 1] + turns[:, ROW[f"{side}Leg"], 1, 1]) / 2
    return height
