"""Is this a pose that a human body can take? Judged from joint positions alone.

Bone lengths are compared with the proportions of `training.bodies`, joint angles with ranges of active motion (American
Academy of Orthopaedic Surgeons, "Joint motion: method of measuring and recording", 1965), opened where Human3.6M's
joints sit elsewhere than the clinician's landmarks and where recorded gymnasts and dancers go further. The ranges were
set on the training subjects; the test subjects only confirm them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.body.skeleton import H36M17
from training.bodies import SEGMENTS, bone_lengths_mm
from training.data_error import DataError

Array = NDArray[np.float64]

LENGTH_TOLERANCE_MM = 15.0
"""What a bone may lie outside the proportions before it counts: twice the error of a good estimate of its ends."""
ASYMMETRY_MM = 30.0
"""How far the left and the right bone of a pair may differ."""
SIZES_MM = (1400.0, 2050.0)
"""Body height that the sum of all bones stands for."""

_HINGE_FROM_DEG = 25.0
"""A limb bent less than this has no clear plane of bending, and may be a straight one measured with error."""
_DOWN = np.array([0.0, -1.0, 0.0])
UNKNOWN = np.nan
"""Angle that the pose does not define; always allowed."""

_SEGMENT_OF = {
    "hip": "hip", "knee": "thigh", "ankle": "shank", "spine": "spine", "thorax": "chest",
    "neck_nose": "neck", "head_top": "head", "shoulder": "shoulder", "elbow": "upper_arm", "wrist": "forearm",
}  # fmt: skip

LIMITS_DEG: dict[str, tuple[float, float]] = {
    "knee_flexion": (0.0, 165.0),
    "thigh_twist": (-80.0, 95.0),
    "hip_flexion": (-55.0, 150.0),
    "hip_abduction": (-50.0, 75.0),
    "elbow_flexion": (0.0, 160.0),
    "arm_twist": (-130.0, 130.0),
    "arm_across": (-70.0, 180.0),
    "collar": (0.0, 45.0),
    "spine_bend": (0.0, 70.0),
    "trunk_twist": (-80.0, 80.0),
    "neck_bend": (0.0, 100.0),
    "head_bend": (0.0, 100.0),
    "hip_line": (0.0, 25.0),
}
"""Angle -> least and greatest value; sides share one entry. `angles_deg` says what each means."""


def plausible(joints_mm: ArrayLike) -> NDArray[np.bool_]:
    """(n, 17, 3) positions in mm, any right-handed axes, any place -> (n,) True where lengths and angles are human.

    DataError for another shape; a pose with a value that is not finite is not plausible.
    """
    joints = _checked(joints_mm)
    finite = np.asarray(np.isfinite(joints).all(axis=(1, 2)))
    result = finite.copy()
    safe = np.where(finite[:, None, None], joints, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        for outside in violations(safe).values():
            result &= ~outside
    return result


def violations(joints_mm: ArrayLike) -> dict[str, NDArray[np.bool_]]:
    """For each rule by name: (n,) True where a pose breaks it."""
    joints = _checked(joints_mm)
    broken = _length_violations(joints)
    for name, values in angles_deg(joints).items():
        low, high = LIMITS_DEG[name.removeprefix("left_").removeprefix("right_")]
        broken[name] = (values < low) | (values > high)
    return broken


def angles_deg(joints_mm: ArrayLike) -> dict[str, Array]:
    """Joint angles in degrees, (n,) each; 0 is the straight T-pose with legs down, NaN is undefined.

    knee and elbow flexion: between the two bones. hip flexion (to the front), abduction (away from the other leg): of
    the thigh against the pelvis. thigh twist (outwards) and arm twist: around the bone, from the plane in which the
    limb bends. arm across: of the upper arm in the horizontal plane of the chest, 0 to the side, 90 to the front,
    negative to the back. collar: shoulder off the side of the chest. hip line: the hips' kink at the pelvis.
    """
    at = dict(zip(H36M17.names, np.moveaxis(_checked(joints_mm), 1, 0), strict=True))
    spine, chest = at["spine"] - at["pelvis"], at["thorax"] - at["spine"]
    pelvis_frame = _frame(at["left_hip"] - at["right_hip"], spine)
    chest_frame = _frame(at["left_shoulder"] - at["right_shoulder"], chest)
    neck = at["neck_nose"] - at["thorax"]
    angles = {
        "hip_line": _between(at["left_hip"] - at["pelvis"], at["pelvis"] - at["right_hip"]),
        "spine_bend": _between(spine, chest),
        "trunk_twist": _trunk_twist(pelvis_frame, chest_frame),
        "neck_bend": _between(chest, neck),
        "head_bend": _between(neck, at["head_top"] - at["neck_nose"]),
    }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        leg = [at[f"{side}_{name}"] for name in ("hip", "knee", "ankle")]
        arm = [at[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist")]
        shoulder = arm[0] - at["thorax"]
        found = _leg_angles(leg, pelvis_frame, sign=sign) | _arm_angles(arm, chest_frame, sign=sign)
        found["collar"] = np.degrees(np.arccos(np.clip(sign * _unit(_local(chest_frame, shoulder))[:, 0], -1, 1)))
        angles |= {f"{side}_{name}": values for name, values in found.items()}
    return angles


def _leg_angles(leg: list[Array], pelvis_frame: Array, *, sign: float) -> dict[str, Array]:
    thigh, shank = (_local(pelvis_frame, leg[row + 1] - leg[row]) for row in (0, 1))
    unit = _unit(thigh)
    flexion = _between(thigh, shank)
    hinge = np.cross(unit, shank)
    upright = np.hypot(unit[:, 1], unit[:, 2]) > 0.5  # a leg straight out to the side points neither front nor back
    return {
        "knee_flexion": flexion,
        "hip_flexion": np.where(upright, np.degrees(np.arctan2(unit[:, 2], -unit[:, 1])), UNKNOWN),
        "hip_abduction": np.degrees(np.arcsin(np.clip(sign * unit[:, 0], -1, 1))),
        "thigh_twist": np.where(
            flexion > _HINGE_FROM_DEG, -sign * _twist(_DOWN, unit, hinge, zero=(1.0, 0.0, 0.0)), UNKNOWN
        ),
    }


def _arm_angles(arm: list[Array], chest_frame: Array, *, sign: float) -> dict[str, Array]:
    upper, fore = (_local(chest_frame, arm[row + 1] - arm[row]) for row in (0, 1))
    unit = _unit(upper)
    flexion = _between(upper, fore)
    hinge = np.cross(unit, fore)
    level = np.hypot(unit[:, 0], unit[:, 2]) > 0.5  # an arm that hangs or points up has no direction in that plane
    side = np.array([sign, 0.0, 0.0])
    return {
        "elbow_flexion": flexion,
        "arm_across": np.where(level, np.degrees(np.arctan2(unit[:, 2], sign * unit[:, 0])), UNKNOWN),
        "arm_twist": np.where(
            flexion > _HINGE_FROM_DEG, sign * _twist(side, unit, hinge, zero=(0.0, -sign, 0.0)), UNKNOWN
        ),
    }


def _twist(rest: Array, unit: Array, hinge: Array, *, zero: tuple[float, float, float]) -> Array:
    """Angle around a bone from where its hinge would be had the bone swung the shortest way from rest, degrees."""
    zero_axis = np.broadcast_to(np.asarray(zero), unit.shape)
    cross = np.cross(np.broadcast_to(rest, unit.shape), unit)
    cosine = (unit @ rest)[:, None]
    swung = zero_axis + np.cross(cross, zero_axis) + np.cross(cross, np.cross(cross, zero_axis)) / (1 + cosine + 1e-9)
    sine = (np.cross(swung, hinge) * unit).sum(axis=1)
    return np.asarray(np.degrees(np.arctan2(sine, (swung * hinge).sum(axis=1))))


def _trunk_twist(pelvis_frame: Array, chest_frame: Array) -> Array:
    """How far the shoulders are turned against the hips around the chest's own axis, positive to the left."""
    hips = _local(chest_frame, pelvis_frame[:, 0])
    return np.degrees(np.arctan2(hips[:, 2], hips[:, 0]))


def _frame(left: Array, up: Array) -> Array:
    """(n, 3, 3) rows: to the left, up, to the front, orthonormal; `left` is kept, `up` gives way."""
    x = _unit(left)
    y = _unit(up - (up * x).sum(axis=1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _local(frame: Array, vectors: Array) -> Array:
    local: Array = np.einsum("nab,nb->na", frame, vectors)
    return local


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit


def _between(one: Array, other: Array) -> Array:
    return np.asarray(np.degrees(np.arccos(np.clip((_unit(one) * _unit(other)).sum(axis=-1), -1, 1))))


def _length_violations(joints: Array) -> dict[str, NDArray[np.bool_]]:
    lengths = bone_lengths_mm(joints)
    parts = [name.removeprefix("left_").removeprefix("right_") for name in H36M17.names[1:]]
    segments = [SEGMENTS[_SEGMENT_OF[part]] for part in parts]
    size_mm = lengths.sum(axis=1) / sum((segment.man + segment.woman) / 2 for segment in segments)
    broken = {"size": (size_mm < SIZES_MM[0]) | (size_mm > SIZES_MM[1])}
    for row, (name, segment) in enumerate(zip(H36M17.names[1:], segments, strict=True)):
        low = (min(segment.man, segment.woman) - 2.5 * segment.spread) * size_mm - LENGTH_TOLERANCE_MM
        high = (max(segment.man, segment.woman) + 2.5 * segment.spread) * size_mm + LENGTH_TOLERANCE_MM
        broken[f"{name}_length"] = (lengths[:, row] < low) | (lengths[:, row] > high)
    for one, other in H36M17.mirror_pairs:
        gap_mm = np.abs(lengths[:, one - 1] - lengths[:, other - 1])
        broken[f"{H36M17.names[one].removeprefix('left_').removeprefix('right_')}_asymmetry"] = gap_mm > ASYMMETRY_MM
    return broken


def _checked(joints_mm: ArrayLike) -> Array:
    joints = np.asarray(joints_mm, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(H36M17.names), 3):
        raise DataError.of(
            "poses", "joints", f"have shape {joints.shape}, not (n, 17, 3)", cure="give H36M-17 joints in its row order"
        )
    return joints
