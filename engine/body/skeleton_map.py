"""H36M-17 in the words of other skeletons, and how to build it from BlazePose's 33 points.

One row per H36M joint. `blazepose` are affine weights over the 33 points (they sum to one), so one matrix
serves pixels and millimetres alike. `offset_mm` is what remains between the definitions on an adult of 1.75 m;
0 means that both mean the same anatomical centre.

Where the numbers come from:
- Hips: BlazePose's hip points lie 176 mm apart on a man whose Human3.6M hips would lie about 265 mm apart, so they
  are moved outwards along their own line by 265/176.
- Thorax, neck/nose and head top: Human3.6M's mean bone lengths are about 257 mm (spine-thorax), 115 mm
  (thorax-neck/nose) and 115 mm (neck/nose-head top); BlazePose's ears lie about 190 mm above its shoulder line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import BLAZEPOSE33_NAMES, COCO17_NAMES, H36M17

HIP_WIDENING = 265.0 / 176.0

_EARS = {"left_ear": 0.5, "right_ear": 0.5}
_SHOULDERS = {"left_shoulder": 0.5, "right_shoulder": 0.5}
_MOUTH = {"mouth_left": 0.5, "mouth_right": 0.5}
_HIPS = {"left_hip": 0.5, "right_hip": 0.5}


@dataclass(frozen=True, slots=True)
class JointMap:
    """One H36M joint elsewhere; None where the other skeleton has no such joint."""

    coco: str | None
    vrm: str | None
    opensim: str | None
    """Marker name of OpenSim's and Pose2Sim's usual sets."""
    blazepose: dict[str, float]
    offset_mm: float
    """Distance that remains between BlazePose's combination and Human3.6M's joint, typical adult."""


def _mix(*parts: tuple[float, dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for weight, names in parts:
        for name, share in names.items():
            total[name] = total.get(name, 0.0) + weight * share
    return total


def _hip(side: str, other: str) -> dict[str, float]:
    return {f"{side}_hip": 0.5 + HIP_WIDENING / 2, f"{other}_hip": 0.5 - HIP_WIDENING / 2}


def _same(name: str) -> dict[str, float]:
    return {name: 1.0}


MAP: dict[str, JointMap] = {
    "pelvis": JointMap(None, "hips", "CHip", _HIPS, 20),
    "right_hip": JointMap("right_hip", "rightUpperLeg", "RHip", _hip("right", "left"), 20),
    "right_knee": JointMap("right_knee", "rightLowerLeg", "RKnee", _same("right_knee"), 0),
    "right_ankle": JointMap("right_ankle", "rightFoot", "RAnkle", _same("right_ankle"), 0),
    "left_hip": JointMap("left_hip", "leftUpperLeg", "LHip", _hip("left", "right"), 20),
    "left_knee": JointMap("left_knee", "leftLowerLeg", "LKnee", _same("left_knee"), 0),
    "left_ankle": JointMap("left_ankle", "leftFoot", "LAnkle", _same("left_ankle"), 0),
    "spine": JointMap(None, "spine", None, _mix((0.52, _HIPS), (0.48, _SHOULDERS)), 40),
    "thorax": JointMap(None, "upperChest", "Neck", _SHOULDERS, 30),
    "neck_nose": JointMap(None, "neck", "Nose", _mix((0.45, _SHOULDERS), (0.25, _EARS), (0.30, _MOUTH)), 30),
    "head_top": JointMap(None, "head", "Head", _mix((1.3, _EARS), (-0.3, _SHOULDERS)), 40),
    "left_shoulder": JointMap("left_shoulder", "leftUpperArm", "LShoulder", _same("left_shoulder"), 15),
    "left_elbow": JointMap("left_elbow", "leftLowerArm", "LElbow", _same("left_elbow"), 0),
    "left_wrist": JointMap("left_wrist", "leftHand", "LWrist", _same("left_wrist"), 0),
    "right_shoulder": JointMap("right_shoulder", "rightUpperArm", "RShoulder", _same("right_shoulder"), 15),
    "right_elbow": JointMap("right_elbow", "rightLowerArm", "RElbow", _same("right_elbow"), 0),
    "right_wrist": JointMap("right_wrist", "rightHand", "RWrist", _same("right_wrist"), 0),
}


def _matrix() -> NDArray[np.float64]:
    rows = np.zeros((len(H36M17.names), len(BLAZEPOSE33_NAMES)))
    for row, joint in enumerate(H36M17.names):
        for name, weight in MAP[joint].blazepose.items():
            rows[row, BLAZEPOSE33_NAMES.index(name)] = weight
    rows.setflags(write=False)
    return rows


H36M17_FROM_BLAZEPOSE33: NDArray[np.float64] = _matrix()
"""(17, 33); every row sums to one."""

HIP_DROP = 0.09
"""Share of the trunk (thorax to pelvis) by which BlazePose's hips lie below Human3.6M's, 41 mm on the median person:
least squares over 363 rendered people with both hips in sight (0.088 upright, 0.148 bent or lying)."""


def _low_hips() -> NDArray[np.float64]:
    drop = np.zeros(len(H36M17.names))
    drop[H36M17.rows("pelvis", "thorax")] = HIP_DROP, -HIP_DROP
    matrix = np.eye(len(H36M17.names))
    matrix[H36M17.rows("pelvis", "right_hip", "left_hip")] += drop
    matrix -= matrix[0]
    matrix.setflags(write=False)
    return matrix


LOW_HIPS: NDArray[np.float64] = _low_hips()
"""(17, 17): `LOW_HIPS @ joints_mm` are the joints of the pose stream: Human3.6M's with pelvis and hips where BlazePose,
the baseline estimator and pictures have them, relative to that pelvis."""


def _carriers() -> NDArray[np.intp]:
    named = {"index": "wrist", "pinky": "wrist", "thumb": "wrist", "heel": "ankle", "foot_index": "ankle"}
    rows = []
    for name in BLAZEPOSE33_NAMES:
        side, _, part = name.partition("_")
        joint = f"{side}_{named.get(part, part)}"
        rows.append(H36M17.row(joint if joint in H36M17.names else "neck_nose"))
    return np.array(rows)


BLAZEPOSE33_CARRIER: NDArray[np.intp] = _carriers()
"""(33,) row of the H36M joint that each of BlazePose's points hangs on: fingers on the wrist, the face on the head."""

COCO17_FROM_H36M17: tuple[int | None, ...] = tuple(
    next((row for row, joint in enumerate(H36M17.names) if MAP[joint].coco == name), None) for name in COCO17_NAMES
)
"""Row of H36M-17 for each COCO joint; None for the face, which H36M-17 does not have."""


def confidence_of(visibility: NDArray[np.floating]) -> NDArray[np.float32]:
    """(33,) visibility of BlazePose's points -> (17,) confidence, weighted as the joints are."""
    shares = np.abs(H36M17_FROM_BLAZEPOSE33)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return (shares @ visibility).astype(np.float32)
