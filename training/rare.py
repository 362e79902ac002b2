"""Poses that recordings hold too few of, made from recorded ones by setting a few joints anew.

All functions act on turns of bones (n, 17, 3, 3), see `training.cmu`, and leave what they do not name as recorded.
Angles are drawn within the ranges of `training.joint_limits`; what still ends outside, the sampler throws away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.body.skeleton import H36M17
from training.cmu import F32
from training.kinematics import Array, axis_rotation

_FLIP = np.array([-1.0, 1.0, 1.0])
_SIDES = ("left", "right")
_ARMS_AND_HEAD = tuple(name for name in H36M17.names if name.endswith(("shoulder", "elbow", "wrist", "nose", "top")))
_TRUNK = ("pelvis", "right_hip", "left_hip", "spine", "thorax", *_ARMS_AND_HEAD)

RareKind = Callable[[F32, np.random.Generator], F32]


def side_lean(rotations: F32, rng: np.random.Generator) -> F32:
    """The trunk bent 15 to 40 degrees to one side, a third of it in the lower spine; sometimes the hips tilt too."""
    count = len(rotations)
    angle = np.deg2rad(rng.uniform(15, 40, count) * rng.choice([-1, 1], count))
    leaned = turned(rotations, ("spine",), axis_rotation("Z", 0.35 * angle))
    leaned = turned(leaned, ("thorax", *_ARMS_AND_HEAD), axis_rotation("Z", angle))
    return turned(leaned, _TRUNK, axis_rotation("Z", rng.uniform(0, 0.4, count) * angle))


def deep_bend(rotations: F32, rng: np.random.Generator) -> F32:
    """Hips flexed 35 to 90 degrees over the legs as they stand, the spine rounded by up to 35 more."""
    count = len(rotations)
    bent = turned(rotations, _TRUNK, axis_rotation("X", _drawn(rng, 35, 90, count)))
    return turned(bent, ("thorax", *_ARMS_AND_HEAD), axis_rotation("X", _drawn(rng, 0, 35, count)))


def one_leg(rotations: F32, rng: np.random.Generator) -> F32:
    """One leg lifted, to the front bent or straight or to the back; the other stands almost straight."""
    count = len(rotations)
    to_front = rng.random(count) < 0.7
    flexion = np.where(to_front, rng.uniform(25, 115, count), rng.uniform(-25, 15, count))
    knee = np.where(to_front, rng.uniform(0, 130, count), rng.uniform(25, 130, count))
    lifted = left_leg(
        rng, flexion_deg=flexion, abduction_deg=rng.uniform(-10, 45, count), knee_deg=knee, twist_deg=20.0
    )
    standing = left_leg(
        rng,
        flexion_deg=rng.uniform(-8, 12, count),
        abduction_deg=rng.uniform(-5, 10, count),
        knee_deg=rng.uniform(0, 15, count),
        twist_deg=10.0,
    )
    left_lifted = (rng.random(count) < 0.5)[:, None, None, None]
    changed = with_leg(rotations, np.where(left_lifted, lifted, standing), "left")
    return with_leg(changed, np.where(left_lifted, standing, lifted), "right")


def standing(rotations: F32, rng: np.random.Generator) -> F32:
    """On both legs, straight or nearly so, as most people before cameras stand; arms and head as recorded."""
    count = len(rotations)
    changed = turned(upright(rotations), _TRUNK, axis_rotation("X", np.deg2rad(rng.normal(2, 5, count))))
    apart = rng.uniform(-2, 12, count)
    for side in _SIDES:
        one = left_leg(
            rng,
            flexion_deg=rng.normal(3, 6, count),
            abduction_deg=apart + rng.normal(0, 2, count),
            knee_deg=15 * rng.random(count) ** 2,
            twist_deg=10.0,
        )
        changed = with_leg(changed, one, side)
    return changed


def at_table(rotations: F32, rng: np.random.Generator) -> F32:
    """On a chair with the hands at work before the chest or the face, as people sit before webcams; the head as
    recorded, one arm in five too."""
    count = len(rotations)
    lean = np.deg2rad(rng.normal(8, 10, count))
    changed = turned(upright(rotations), _TRUNK, axis_rotation("X", lean))
    flexion, knee = rng.uniform(70, 105, count), rng.uniform(40, 115, count)
    apart = rng.uniform(-5, 30, count)
    for side in _SIDES:
        thigh_and_shank = left_leg(
            rng,
            flexion_deg=flexion + rng.normal(0, 6, count),
            abduction_deg=apart + rng.normal(0, 5, count),
            knee_deg=np.maximum(knee + rng.normal(0, 12, count), 0),
            twist_deg=10.0,
        )
        changed = with_leg(changed, thigh_and_shank, side)
        # From the T-pose down to the side, then to the front, then turned inwards about itself; the forearm is bent.
        down = axis_rotation("Z", -_drawn(rng, 45, 90, count))
        upper = axis_rotation("X", -_drawn(rng, -15, 75, count)) @ down
        upper = upper @ axis_rotation("X", np.deg2rad(rng.normal(25, 25, count)))
        fore = upper @ axis_rotation("Y", -_drawn(rng, 25, 140, count))
        arm = np.stack([upper, fore], axis=1)
        bent_arm = placed(changed, arm, carrier="thorax", bones=("elbow", "wrist"), side=side)
        changed = np.where((rng.random(count) < 0.8)[:, None, None, None], bent_arm, changed)
    return changed


def sitting(rotations: F32, rng: np.random.Generator) -> F32:
    """On a chair, on the ground with legs out, or cross-legged; the trunk upright within 20 degrees of leaning."""
    count = len(rotations)
    kind = rng.choice(3, count, p=[0.6, 0.2, 0.2])
    flexion = np.choose(kind, [rng.uniform(65, 105, count), rng.uniform(75, 110, count), rng.uniform(85, 120, count)])
    abduction = np.choose(kind, [rng.uniform(-5, 30, count), rng.uniform(-5, 35, count), rng.uniform(30, 60, count)])
    knee = np.choose(kind, [rng.uniform(50, 115, count), rng.uniform(0, 60, count), rng.uniform(105, 140, count)])
    # Sitting cross-legged turns the thighs outwards, the feet towards the middle.
    twist = np.choose(kind, [rng.normal(0, 12, count), rng.normal(0, 15, count), rng.uniform(5, 35, count)])
    changed = turned(upright(rotations), _TRUNK, axis_rotation("X", _drawn(rng, -20, 20, count)))
    for side in _SIDES:
        one = left_leg(
            rng,
            flexion_deg=flexion + rng.normal(0, 5, count),
            abduction_deg=abduction + rng.normal(0, 5, count),
            knee_deg=np.maximum(knee + rng.normal(0, 8, count), 0),
            twist_deg=5.0,
            turned_out_deg=twist,
        )
        changed = with_leg(changed, one, side)
    return changed


def overhead(rotations: F32, rng: np.random.Generator) -> F32:
    """One arm or both raised 40 to 95 degrees above the shoulders, elbows bent by up to 100."""
    count = len(rotations)
    both = rng.random(count) < 0.6
    changed = rotations
    first_left = rng.random(count) < 0.5
    for side, first in (("left", first_left), ("right", ~first_left)):
        raised = axis_rotation("Z", _drawn(rng, 40, 95, count)) @ axis_rotation("Y", -_drawn(rng, -10, 40, count))
        upper = raised @ axis_rotation("X", _drawn(rng, -100, 0, count))
        bend = 100 * rng.random(count) ** 2  # most raised arms are nearly straight
        fore = upper @ axis_rotation("Y", -np.deg2rad(bend))
        arm = np.stack([upper, fore], axis=1)
        lifted = placed(changed, arm, carrier="thorax", bones=("elbow", "wrist"), side=side)
        changed = np.where((both | first)[:, None, None, None], lifted, changed)
    return changed


def lying(rotations: F32, rng: np.random.Generator) -> F32:
    """The whole body on its back, its front or a side, give or take 15 degrees."""
    count = len(rotations)
    roll = rng.choice([0.0, 180.0, 90.0, -90.0], count, p=[0.4, 0.25, 0.175, 0.175]) + rng.normal(0, 12, count)
    pitch = -90.0 + rng.normal(0, 12, count)
    turn = axis_rotation("X", np.deg2rad(pitch)) @ axis_rotation("Y", np.deg2rad(roll))
    return _all_turned(upright(rotations), turn)


RARE: dict[str, RareKind] = {
    "side_lean": side_lean,
    "one_leg": one_leg,
    "deep_bend": deep_bend,
    "lying": lying,
    "sitting": sitting,
    "overhead": overhead,
}


def made_rare(rotations: F32, rng: np.random.Generator, *, kinds: Mapping[str, RareKind] = RARE) -> F32:
    """Each pose changed by one of the kinds, drawn with equal probability."""
    drawn = rng.integers(len(kinds), size=len(rotations))
    result = rotations.copy()
    for row, change in enumerate(kinds.values()):
        chosen = np.flatnonzero(drawn == row)
        if len(chosen):
            result[chosen] = change(rotations[chosen], rng)
    return result


def _drawn(rng: np.random.Generator, low_deg: float, high_deg: float, count: int) -> Array:
    return np.deg2rad(rng.uniform(low_deg, high_deg, count))


def turned(rotations: F32, bones: Sequence[str], turn: Array, *, frame_of: str = "pelvis") -> F32:
    """Some bones turned together by (n, 3, 3) `turn`, given in the axes of the bone `frame_of`."""
    frame, rows = rotations[:, H36M17.row(frame_of)], H36M17.rows(*bones)
    world = (frame @ turn @ np.swapaxes(frame, -1, -2)).astype(np.float32)
    result = rotations.copy()
    result[:, rows] = world[:, None] @ rotations[:, rows]
    return result


def _all_turned(rotations: F32, turn: Array) -> F32:
    return np.asarray(turn[:, None] @ rotations, np.float32)


def upright(rotations: F32) -> F32:
    """The whole body turned so that the pelvis stands as at rest."""
    return _all_turned(rotations, np.swapaxes(rotations[:, H36M17.row("pelvis")], -1, -2).astype(np.float64))


def left_leg(
    rng: np.random.Generator,
    *,
    flexion_deg: Array,
    abduction_deg: Array,
    knee_deg: Array,
    twist_deg: float,
    turned_out_deg: Array | float = 0.0,
) -> Array:
    """(n, 2, 3, 3) a left thigh and shank in the pelvis's axes; `twist_deg` is the spread around `turned_out_deg`."""
    twist = turned_out_deg + rng.normal(0, twist_deg, len(flexion_deg))
    swing = axis_rotation("X", -np.deg2rad(flexion_deg)) @ axis_rotation("Z", np.deg2rad(abduction_deg))
    thigh = swing @ axis_rotation("Y", np.deg2rad(twist))
    return np.stack([thigh, thigh @ axis_rotation("X", np.deg2rad(knee_deg))], axis=1)


def with_leg(rotations: F32, leg: Array, side: str) -> F32:
    return placed(rotations, leg, carrier="pelvis", bones=("knee", "ankle"), side=side)


def placed(rotations: F32, limb: Array, *, carrier: str, bones: tuple[str, str], side: str) -> F32:
    """Put a left limb (n, 2, 3, 3), given in the carrier's axes, on one side; on the right as its mirror image."""
    own = limb if side == "left" else limb * _FLIP[:, None] * _FLIP
    result = rotations.copy()
    rows = H36M17.rows(*(f"{side}_{bone}" for bone in bones))
    result[:, rows] = rotations[:, H36M17.row(carrier), None] @ own
    return result
