"""More kinds of rare poses than `training.rare` has, for pictures: close to the ground, and legs raised high.

The same promise: turns of bones in, turns of bones out; what no body can take is thrown away by who draws.
"""

from __future__ import annotations

import numpy as np

from training.cmu import F32
from training.kinematics import axis_rotation
from training.rare import RARE, RareKind, left_leg, placed, turned, upright, with_leg
from training.synthetic.balance_poses import BALANCE, TRUNK

_SIDES = ("left", "right")


def crouching(rotations: F32, rng: np.random.Generator) -> F32:
    """Squatting deep or half, heels apart, the trunk leaning to the front so that the feet stay below it."""
    count = len(rotations)
    lean = rng.uniform(5, 45, count)
    knee = rng.uniform(70, 145, count)
    flexion = np.clip(0.55 * knee + lean + rng.normal(0, 8, count), 30, 140)
    changed = turned(upright(rotations), TRUNK, axis_rotation("X", np.deg2rad(lean)))
    for side in _SIDES:
        one = left_leg(
            rng,
            flexion_deg=flexion + rng.normal(0, 4, count),
            abduction_deg=rng.uniform(0, 40, count),
            knee_deg=np.clip(knee + rng.normal(0, 5, count), 0, 150),
            twist_deg=8.0,
            turned_out_deg=rng.uniform(0, 25, count),
        )
        changed = with_leg(changed, one, side)
    return changed


def kneeling(rotations: F32, rng: np.random.Generator) -> F32:
    """On both knees, upright or sitting back on the heels, or on one knee with the other foot set in front."""
    count = len(rotations)
    back = rng.random(count) < 0.4
    knee = np.where(back, rng.uniform(130, 150, count), rng.uniform(80, 110, count))
    flexion = np.where(back, rng.uniform(50, 80, count), rng.uniform(-5, 25, count))
    down = left_leg(rng, flexion_deg=flexion, abduction_deg=rng.uniform(0, 20, count), knee_deg=knee, twist_deg=8.0)
    before = left_leg(
        rng,
        flexion_deg=rng.uniform(70, 105, count),
        abduction_deg=rng.uniform(0, 25, count),
        knee_deg=rng.uniform(75, 110, count),
        twist_deg=8.0,
    )
    half = (~back & (rng.random(count) < 0.5))[:, None, None, None]
    left = (rng.random(count) < 0.5)[:, None, None, None]
    changed = turned(upright(rotations), TRUNK, axis_rotation("X", np.deg2rad(rng.uniform(-8, 25, count))))
    changed = with_leg(changed, np.where(half & left, before, down), "left")
    return with_leg(changed, np.where(half & ~left, before, down), "right")


def high_leg(rotations: F32, rng: np.random.Generator) -> F32:
    """A kick or a stretch: one nearly straight leg raised to the front or the side, the trunk giving way."""
    count = len(rotations)
    front = rng.random(count) < 0.6
    flexion = np.where(front, rng.uniform(60, 125, count), rng.uniform(-5, 45, count))
    abduction = np.where(front, rng.uniform(-5, 25, count), rng.uniform(40, 72, count))
    raised = left_leg(
        rng, flexion_deg=flexion, abduction_deg=abduction, knee_deg=40 * rng.random(count) ** 2, twist_deg=15.0
    )
    lean = np.where(front, -rng.uniform(0, 20, count), rng.uniform(-5, 10, count))
    changed = turned(upright(rotations), TRUNK, axis_rotation("X", np.deg2rad(lean)))
    left = rng.random(count) < 0.5
    tilt = np.where(front, 0.0, rng.uniform(0, 30, count)) * np.where(left, 1, -1)
    changed = turned(changed, TRUNK, axis_rotation("Z", np.deg2rad(tilt)))
    standing = left_leg(
        rng,
        flexion_deg=lean + rng.uniform(-5, 8, count),  # the thigh is counted from the pelvis, which leans
        abduction_deg=np.abs(tilt) + rng.uniform(-4, 8, count),
        knee_deg=rng.uniform(0, 20, count),
        twist_deg=10.0,
    )
    chosen = left[:, None, None, None]
    changed = with_leg(changed, np.where(chosen, raised, standing), "left")
    return with_leg(changed, np.where(chosen, standing, raised), "right")


def on_hands(rotations: F32, rng: np.random.Generator) -> F32:
    """Hands on the ground: on all fours, in a push-up, or with the hips up."""
    count = len(rotations)
    kind = rng.choice(3, count, p=[0.45, 0.35, 0.2])
    pitch = np.choose(kind, [rng.uniform(75, 95, count), rng.uniform(70, 88, count), rng.uniform(110, 140, count)])
    changed = turned(upright(rotations), TRUNK, axis_rotation("X", np.deg2rad(pitch)))
    flexion = np.choose(kind, [rng.uniform(80, 100, count), rng.uniform(-5, 10, count), rng.uniform(75, 110, count)])
    knee = np.choose(kind, [rng.uniform(80, 100, count), rng.uniform(0, 10, count), rng.uniform(0, 25, count)])
    reach = np.choose(kind, [rng.uniform(80, 100, count), rng.uniform(70, 95, count), rng.uniform(130, 165, count)])
    for side in _SIDES:
        one = left_leg(rng, flexion_deg=flexion, abduction_deg=rng.uniform(0, 12, count), knee_deg=knee, twist_deg=6.0)
        changed = with_leg(changed, one, side)
        # From the T-pose: down to the side, then flexed to the front; 90 is in front of the chest, 180 overhead.
        down = axis_rotation("Z", -np.deg2rad(rng.uniform(75, 90, count)))
        upper = axis_rotation("X", -np.deg2rad(reach)) @ down
        fore = upper @ axis_rotation("Y", -np.deg2rad(50 * rng.random(count) ** 2))
        arm = np.stack([upper, fore], axis=1)
        changed = placed(changed, arm, carrier="thorax", bones=("elbow", "wrist"), side=side)
    return changed


PICTURED_RARE: dict[str, RareKind] = {
    **RARE,
    "crouching": crouching,
    "kneeling": kneeling,
    "high_leg": high_leg,
    "on_hands": on_hands,
    **BALANCE,
}
