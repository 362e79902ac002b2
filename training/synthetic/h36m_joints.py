"""Human3.6M's 17 joints inside an avatar's body, each a point that moves rigidly with one joint of the rig.

Where Human3.6M has them was taken from its mean skeleton (training.bodies: hips 2 x 133 mm apart, thigh 443, shank 454,
trunk 490, neck 121, head 115 mm on about 1.75 m); how that fits these bodies, and how BlazePose's points differ:

| joint | moves with | where | BlazePose's point |
|---|---|---|---|
| pelvis | Hips | halfway between the hips | none; the middle of its hips lies about 15 mm lower |
| hip | Hips | 0.076 (men), 0.078 (women) of the height to the side, 0.008 above the hip's centre of rotation | 176 mm apart instead of 265 (at 1.75 m): at the centre of rotation, 45 mm further in |
| knee | shin | the joint's centre | the same, rather on the kneecap |
| ankle | shin | 0.008 of the height below the ankle's centre of rotation, between the malleoli | the same |
| spine | lower chest | 0.134 of the height above the pelvis, a little behind the line to the thorax | none |
| thorax | chest | at the base of the neck, 0.02 of the height above the shoulders | none; the middle of its shoulders lies 35 mm lower |
| neck_nose | head | inside the face at the height of the nostrils, 70 mm behind the tip of the nose | the nose: on its tip |
| head_top | head | 30 mm under the crown | none |
| shoulder | collar | the centre of the shoulder joint | the same |
| elbow | forearm | the joint's centre | the same |
| wrist | forearm | 0.005 of the height beyond the wrist's centre of rotation | the same |

Limbs keep their lengths under any motion but for the thigh: its upper end is Human3.6M's wide hip, which does not lie
at the centre about which the thigh turns. Over 600 drawn poses its length lies between 0.87 and 1.03 of that in the
T-pose (1st and 99th percentile; median 0.985), shortest with the leg far out to the side. The trunk's two bones vary
by 10 % with the bend of the back, as they do where the spine is not a stick.
"""  # noqa: E501

from __future__ import annotations

from functools import lru_cache

import numpy as np

from engine.body.skeleton import H36M17
from training.kinematics import Array
from training.synthetic.actor import Actor
from training.synthetic.rig import ROW

CARRIER: dict[str, str] = {
    "pelvis": "Hips",
    "right_hip": "Hips", "right_knee": "RightLeg", "right_ankle": "RightLeg",
    "left_hip": "Hips", "left_knee": "LeftLeg", "left_ankle": "LeftLeg",
    "spine": "Spine1", "thorax": "Spine2", "neck_nose": "Head", "head_top": "Head",
    "left_shoulder": "LeftShoulder", "left_elbow": "LeftForeArm", "left_wrist": "LeftForeArm",
    "right_shoulder": "RightShoulder", "right_elbow": "RightForeArm", "right_wrist": "RightForeArm",
}  # fmt: skip
"""H36M-17 joint -> the joint of the rig in whose frame it is fixed."""
CARRIER_ROWS = np.array([ROW[CARRIER[name]] for name in H36M17.names])

_HIP_SHARE = {False: 0.0757, True: 0.0775}
_ABOVE_HIP, _BELOW_ANKLE, _SPINE, _SPINE_BACK, _ABOVE_SHOULDER, _BEYOND_WRIST = 0.008, 0.008, 0.134, 0.012, 0.020, 0.005
"""Shares of body height, see the table above."""
_NOSE_UP, _CROWN_DOWN, _CROWN_BACK, _FACE_FORWARD = 0.10, 0.15, 0.10, 0.06
"""Shares of the distance from the head joint to the crown."""

_THICKNESS_MM = {
    "pelvis": 210.0, "hip": 140.0, "knee": 110.0, "ankle": 85.0, "spine": 210.0, "thorax": 180.0,
    "neck_nose": 120.0, "head_top": 110.0, "shoulder": 120.0, "elbow": 80.0, "wrist": 60.0,
}  # fmt: skip
THICKNESS_MM: tuple[float, ...] = tuple(
    _THICKNESS_MM[name.removeprefix("left_").removeprefix("right_")] for name in H36M17.names
)
"""(17,) how deep under skin or clothes each joint lies at most when its part is seen, for judging visibility. It lies
between two measured distances along rays from all azimuths (60 drawn bodies in the T-pose): that to the part's own
surface, and that through another part or through the whole of this one, as to the far hip through the pelvis (280 mm),
to the nose through the back of the head (150 mm) or to a shoulder along its arm. The nearest surface towards the camera
is closer than this on 86 to 97 % of the rays to trunk, head, knees and ankles, and 69 to 81 % to hips, shoulders,
elbows and wrists, which such other ways lead to."""


@lru_cache(maxsize=512)
def rest_points_mm(actor: Actor) -> Array:
    """(17, 3) the joints inside the actor at rest, as its file has it; worked out once per actor, not to be written."""
    at = {name: actor.rest_mm[row] for name, row in ROW.items()}
    height = actor.height_mm
    crown = float(actor.vertices_mm[: actor.body_vertices, 1].max())
    up = crown - at["Head"][1]
    points: dict[str, Array] = {
        "neck_nose": at["Head"] + (0.0, _NOSE_UP * up, _FACE_FORWARD * up),
        "head_top": np.array([0.0, crown - _CROWN_DOWN * up, at["Head"][2] - _CROWN_BACK * up]),
    }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        name = side.capitalize()
        hip = at[f"{name}UpLeg"]
        points[f"{side}_hip"] = np.array(
            [sign * _HIP_SHARE[actor.woman] * height, hip[1] + _ABOVE_HIP * height, hip[2]]
        )
        points[f"{side}_knee"] = at[f"{name}Leg"]
        points[f"{side}_ankle"] = (
            at[f"{name}Foot"] + _along(at[f"{name}Leg"], at[f"{name}Foot"]) * _BELOW_ANKLE * height
        )
        points[f"{side}_shoulder"] = at[f"{name}Arm"]
        points[f"{side}_elbow"] = at[f"{name}ForeArm"]
        wrist = at[f"{name}Hand"]
        points[f"{side}_wrist"] = wrist + _along(at[f"{name}ForeArm"], wrist) * _BEYOND_WRIST * height
    points["pelvis"] = (points["left_hip"] + points["right_hip"]) / 2
    throat = (at["Neck"] + at["LeftShoulder"] + at["Neck"] + at["RightShoulder"]) / 4
    points["thorax"] = np.array([0.0, at["LeftArm"][1] + _ABOVE_SHOULDER * height, throat[2]])
    way = (points["pelvis"] + points["thorax"]) / 2
    points["spine"] = np.array([0.0, points["pelvis"][1] + _SPINE * height, way[2] - _SPINE_BACK * height])
    return np.array([points[name] for name in H36M17.names])


def _along(start: Array, end: Array) -> Array:
    direction: Array = (end - start) / np.linalg.norm(end - start)
    return direction
