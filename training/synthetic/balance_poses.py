"""Rare poses of balance and stretching: yoga, dance, warming up. For pictures and simulated people.

The same promise as in `training.rare`: turns of bones in, turns of bones out; what no body can take is thrown away by
who draws.
"""

from __future__ import annotations

import numpy as np

from training.cmu import F32
from training.kinematics import Array, axis_rotation
from training.rare import RareKind, left_leg, turned, upright, with_leg

ABOVE_HIPS = ("spine", "thorax", "neck_nose", "head_top", "left_shoulder", "left_elbow", "left_wrist",
              "right_shoulder", "right_elbow", "right_wrist")  # fmt: skip
TRUNK = ("pelvis", "left_hip", "right_hip", *ABOVE_HIPS)


def standing_scale(rotations: F32, rng: np.random.Generator) -> F32:
    """On one leg, the trunk leaning to the front up to level and beyond, the other leg stretched behind it."""
    count = len(rotations)
    lean = rng.uniform(20, 100, count)
    standing = left_leg(
        rng,
        flexion_deg=lean + rng.uniform(-8, 10, count),  # counted from the pelvis, which leans
        abduction_deg=rng.uniform(-5, 10, count),
        knee_deg=rng.uniform(0, 20, count),
        twist_deg=10.0,
    )
    raised = left_leg(
        rng,
        flexion_deg=rng.uniform(-40, 20, count),
        abduction_deg=rng.uniform(-5, 30, count),
        knee_deg=60 * rng.random(count) ** 2,
        twist_deg=15.0,
    )
    return _on_either_leg(_leaning(rotations, lean), rng, standing=standing, other=raised)


def foot_at_leg(rotations: F32, rng: np.random.Generator) -> F32:
    """The tree of yoga: one foot against the standing leg, its knee to the side or to the front."""
    count = len(rotations)
    standing = left_leg(
        rng,
        flexion_deg=rng.uniform(-8, 10, count),
        abduction_deg=rng.uniform(-6, 6, count),
        knee_deg=rng.uniform(0, 15, count),
        twist_deg=10.0,
    )
    folded = left_leg(
        rng,
        flexion_deg=rng.uniform(15, 85, count),
        abduction_deg=rng.uniform(5, 60, count),
        knee_deg=rng.uniform(80, 145, count),
        twist_deg=10.0,
        turned_out_deg=rng.uniform(5, 65, count),
    )
    return _on_either_leg(_leaning(rotations, rng.normal(0, 8, count)), rng, standing=standing, other=folded)


def lunge(rotations: F32, rng: np.random.Generator) -> F32:
    """A long step to the front or a wide stance, one knee bent, the other leg nearly straight or kneeling."""
    count = len(rotations)
    lean = rng.uniform(-15, 45, count)
    wide = rng.random(count) < 0.4
    knee = rng.uniform(30, 115, count)
    bent = left_leg(
        rng,
        flexion_deg=lean + 0.7 * knee + rng.normal(0, 8, count),
        abduction_deg=np.where(wide, rng.uniform(15, 55, count), rng.uniform(-5, 20, count)),
        knee_deg=knee,
        twist_deg=8.0,
        turned_out_deg=np.where(wide, rng.uniform(10, 50, count), 0.0),
    )
    straight = left_leg(
        rng,
        flexion_deg=np.clip(lean + np.where(wide, rng.uniform(-15, 15, count), rng.uniform(-60, -10, count)), -45, 90),
        abduction_deg=np.where(wide, rng.uniform(20, 55, count), rng.uniform(-5, 15, count)),
        knee_deg=np.where(wide, rng.uniform(0, 20, count), 90 * rng.random(count) ** 2),
        twist_deg=12.0,
    )
    return _on_either_leg(_leaning(rotations, lean), rng, standing=bent, other=straight)


def _leaning(rotations: F32, lean_deg: Array) -> F32:
    return turned(upright(rotations), TRUNK, axis_rotation("X", np.deg2rad(lean_deg)))


def _on_either_leg(rotations: F32, rng: np.random.Generator, *, standing: Array, other: Array) -> F32:
    """The left leg stands on half of the people, the right one on the rest."""
    on_left = (rng.random(len(rotations)) < 0.5)[:, None, None, None]
    changed = with_leg(rotations, np.where(on_left, standing, other), "left")
    return with_leg(changed, np.where(on_left, other, standing), "right")


BALANCE: dict[str, RareKind] = {"standing_scale": standing_scale, "foot_at_leg": foot_at_leg, "lunge": lunge}
