"""Wrists and fingers, which the 17 bones do not carry."""

from __future__ import annotations

import numpy as np

from training.kinematics import Array, axis_rotation
from training.synthetic.rig import RIG_PARENTS, ROW

_FLEXION_DEG, _DEVIATION_DEG = 18.0, 8.0
_FLEXION_LIMITS_DEG, _DEVIATION_LIMIT_DEG = (-55.0, 60.0), 20.0
_PRONATION_DEG, _FOREARM_HAND_DEG = 20.0, 25.0
"""Spread of the hand's own turn around the forearm, and how far it may go on top of the forearm's."""
_CURL_DEG = {"open": (0.0, 12.0), "relaxed": (15.0, 45.0), "fist": (65.0, 88.0)}
_CURL_SHARES = (0.25, 0.6, 0.15)


def hands_turned(turns: Array, rng: np.random.Generator) -> None:
    """Write the turns (n, 52, 3, 3) of hands and fingers, from the forearms' that stand there."""
    count = len(turns)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        flexion = np.clip(_FLEXION_DEG * rng.standard_normal(count), *_FLEXION_LIMITS_DEG)
        deviation = np.clip(_DEVIATION_DEG * rng.standard_normal(count), -_DEVIATION_LIMIT_DEG, _DEVIATION_LIMIT_DEG)
        roll = np.clip(_PRONATION_DEG * rng.standard_normal(count), -_FOREARM_HAND_DEG, _FOREARM_HAND_DEG)
        # Palms look down in the T-pose, so flexing turns the fingertips down: around z, the other way on the right.
        own = (
            axis_rotation("X", np.deg2rad(roll))
            @ axis_rotation("Z", -sign * np.deg2rad(flexion))
            @ axis_rotation("Y", np.deg2rad(deviation))
        )
        turns[:, ROW[f"{side}Hand"]] = turns[:, ROW[f"{side}ForeArm"]] @ own
        _curl(turns, rng, side, sign)


def _curl(turns: Array, rng: np.random.Generator, side: str, sign: float) -> None:
    """Fingers of one hand bent alike, each a little more or less; the thumb a third as much, across the palm."""
    count = len(turns)
    low, high = np.array(list(_CURL_DEG.values()))[rng.choice(len(_CURL_DEG), count, p=_CURL_SHARES)].T
    curl = np.deg2rad(low + (high - low) * rng.random(count))
    for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky"):
        own = curl * np.clip(1 + 0.15 * rng.standard_normal(count), 0.6, 1.3)
        bend = axis_rotation("Y", sign * 0.35 * own) if finger == "Thumb" else axis_rotation("Z", -sign * own)
        for knuckle in (1, 2, 3):
            row = ROW[f"{side}Hand{finger}{knuckle}"]
            turns[:, row] = turns[:, RIG_PARENTS[row]] @ bend
