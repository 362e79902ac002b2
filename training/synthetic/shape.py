"""Bodies other than the files' own: height, proportions, girth, drawn within human ranges, the same on both sides.

A shape is a scale per joint along the axes of the straight T-pose (along the bone: length; across it: girth). Skinning
applies it inside every joint's frame, so a limb grows along its own axis however it is turned.

Statures and spreads follow C. Gordon et al., "2012 Anthropometric survey of U.S. Army personnel", 2014, widened so that
the ends of the range are drawn too; that head, hands and feet vary less than stature is from the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.kinematics import Array
from training.synthetic.actor import Actor
from training.synthetic.rig import RIG_JOINTS, ROW

HEIGHTS_MM = (1450.0, 1980.0)
_STATURE_MM = {False: (1760.0, 95.0), True: (1640.0, 90.0)}
"""Mean and spread of men and women."""
_ARM_MEAN, _FOREARM_MEAN, _SHOULDER_MEAN = 1.10, 1.03, 0.95
"""The files' upper arms measure 0.144 of the height and their shoulders 0.100, those of training.bodies 0.168 and
0.088."""
_LARGEST_Z = 2.5
_TRUNK_LIMITS = (0.90, 1.12)
"""Length of the trunk over that of the legs, against the file's own."""


_PARTS = (
    "Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "Shoulder", "Arm", "ForeArm", "UpLeg", "Leg", "Foot",
    "ToeBase", "Hand",
)  # fmt: skip
"""Joints that are scaled alike, left and right; all fingers go with the hand."""
_PART_ROWS = np.array(
    [_PARTS.index(part if part in _PARTS else "Hand")
     for part in (name.removeprefix("Left").removeprefix("Right") for name in RIG_JOINTS)]
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Scales (52, 3) along x, y, z of the straight T-pose, for each joint of the rig."""

    scales: Array

    @classmethod
    def own(cls) -> Shape:
        """The body as its file has it."""
        return cls(np.ones((len(RIG_JOINTS), 3)))


def draw_shape(rng: np.random.Generator, actor: Actor) -> Shape:
    """A body for this actor: stature 1.45 to 1.98 m, its proportions and girth correlated as people's are."""
    z = dict(zip(_SCORES, np.clip(rng.standard_normal(len(_SCORES)), -_LARGEST_Z, _LARGEST_Z), strict=True))
    mean, spread = _STATURE_MM[actor.woman]
    height_mm = float(np.clip(mean + spread * z["height"], *HEIGHTS_MM))
    return _shaped(actor, height_mm, z)


_SCORES = ("height", "leg", "thigh", "arm", "forearm", "weight", "shoulder", "hip", "belly", "head", "limb")


def _shaped(actor: Actor, height_mm: float, z: dict[str, float]) -> Shape:
    size = height_mm / actor.height_mm
    leg = size * (1 + 0.025 * z["leg"])
    head = size**0.4 * (1 + 0.025 * z["head"])
    trunk = _trunk_length(actor, height_mm, leg=leg, head=head)
    arm = size * (1 + 0.6 * 0.025 * z["leg"] + 0.8 * 0.025 * z["arm"])  # who has long legs has long arms
    weight = size**0.7 * np.exp(0.09 * z["weight"])  # girth grows less than height
    width = weight * (1 + 0.02 * z["hip"])
    shoulder = size * _SHOULDER_MEAN * (1 + 0.035 * z["shoulder"] + 0.02 * z["weight"])
    limb = size**0.7 * np.exp(0.065 * z["weight"] + 0.03 * z["limb"])
    depth = weight * (1 + 0.03 * z["belly"])
    foot = size**0.8
    scales = {
        "Hips": (0.5 * (width + size), trunk, depth),
        "Spine": (width, trunk, depth * (1 + 0.02 * z["belly"])),
        "Spine1": (width, trunk, depth),
        "Spine2": (0.5 * (width + shoulder), trunk, 0.5 * (depth + size)),
        "Neck": (limb, trunk, limb),
        "Head": (head, head, head),
        "Shoulder": (shoulder, 0.5 * (limb + trunk), limb),
        "Arm": (arm * _ARM_MEAN * (1 + 0.012 * z["forearm"]), limb, limb),
        "ForeArm": (arm * _FOREARM_MEAN * (1 - 0.012 * z["forearm"]), 0.5 * (limb + size), 0.5 * (limb + size)),
        "UpLeg": (limb, leg * (1 + 0.012 * z["thigh"]), limb),
        "Leg": (0.5 * (limb + size), leg * (1 - 0.012 * z["thigh"]), 0.5 * (limb + size)),
        "Foot": (foot, foot, foot),
        "ToeBase": (foot, foot, foot),
    }
    hand = size**0.8 * (1 + 0.02 * z["arm"])
    scales["Hand"] = (hand, hand, hand)
    return Shape(np.array([scales[part] for part in _PARTS])[_PART_ROWS])


def _trunk_length(actor: Actor, height_mm: float, *, leg: float, head: float) -> float:
    """What is left of the height for the trunk once legs and head have theirs."""
    at = actor.rest_mm[:, 1]
    top = float(actor.vertices_mm[: actor.body_vertices, 1].max())
    legs_mm, trunk_mm = at[ROW["LeftUpLeg"]], at[ROW["Head"]] - at[ROW["LeftUpLeg"]]
    left_mm = height_mm - leg * legs_mm - head * (top - at[ROW["Head"]])
    least, most = _TRUNK_LIMITS
    return float(np.clip(left_mm / trunk_mm, leg * least, leg * most))
