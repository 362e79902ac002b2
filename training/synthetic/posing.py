"""From turns of the 17 bones to turns of the rig's 52 joints: what the bones do not say is drawn within human limits.

Bones and rig share the straight T-pose, so a joint simply takes a bone's turn. Spine and neck share the turns between
their neighbours; collars follow raised arms; forearms are untwisted as far as wrists allow; hands, feet and toes have
turns of their own: feet stand flat where the shin allows it. Ranges are those of active motion (American Academy of
Orthopaedic Surgeons, "Joint motion: method of measuring and recording", 1965).
"""

from __future__ import annotations

import numpy as np

from engine.body.skeleton import H36M17
from training.cmu import F32
from training.kinematics import Array, axis_rotation
from training.synthetic.blending import between, limited_twist, turned_by_half
from training.synthetic.feet import feet_turned
from training.synthetic.hands import hands_turned
from training.synthetic.rig import RIG_JOINTS, ROW

_BONE_OF = {
    "Hips": "pelvis",
    "Spine2": "thorax",
    "Head": "head_top",
    "LeftShoulder": "left_shoulder", "LeftArm": "left_elbow", "LeftForeArm": "left_wrist",
    "RightShoulder": "right_shoulder", "RightArm": "right_elbow", "RightForeArm": "right_wrist",
    "LeftUpLeg": "left_knee", "LeftLeg": "left_ankle",
    "RightUpLeg": "right_knee", "RightLeg": "right_ankle",
}  # fmt: skip
"""Joint of the rig -> the bone whose turn it takes as it is."""
_RHYTHM = 0.35
"""Degrees by which the collar rises per degree of the arm above level (V. Inman et al., "Observations on the function
of the shoulder joint", 1944: a third of the arm's rise is the shoulder blade's)."""
_TWIST_LIMIT_DEG = {"forearm": 70.0, "shin": 15.0}


def rig_turns(bones: F32, rng: np.random.Generator) -> Array:
    """(n, 17, 3, 3) turns of bones -> (n, 52, 3, 3) global turns of the rig, both away from the straight T-pose."""
    turns = np.empty((len(bones), len(RIG_JOINTS), 3, 3))
    for name, bone in _BONE_OF.items():
        turns[:, ROW[name]] = bones[:, H36M17.row(bone)]
    pelvis, chest = turns[:, ROW["Hips"]], turns[:, ROW["Spine2"]]
    spine = bones[:, H36M17.row("spine")].astype(np.float64)
    turns[:, ROW["Spine"]] = turned_by_half(pelvis, spine)
    turns[:, ROW["Spine1"]] = between(pelvis, chest, 0.5)
    turns[:, ROW["Neck"]] = between(chest, turns[:, ROW["Head"]], 0.45)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        _raise_collar(turns, side, sign)
        _untwist(turns, side)
    hands_turned(turns, rng)
    feet_turned(turns, rng)
    return turns


def _raise_collar(turns: Array, side: str, sign: float) -> None:
    """The collar goes up with an arm above level, unless the recording has it up already."""
    chest, collar = turns[:, ROW["Spine2"]], turns[:, ROW[f"{side}Shoulder"]]
    outward = np.array([sign, 0.0, 0.0])
    arm = np.einsum("nba,nb->na", chest, turns[:, ROW[f"{side}Arm"]] @ outward)
    own = np.einsum("nba,nb->na", chest, collar @ outward)
    wanted = np.maximum(np.arcsin(np.clip(arm[:, 1], -1, 1)) * _RHYTHM, 0.0)
    missing = np.maximum(wanted - np.arcsin(np.clip(own[:, 1], -1, 1)), 0.0)
    lift = axis_rotation("Z", sign * missing)
    turns[:, ROW[f"{side}Shoulder"]] = chest @ lift @ np.swapaxes(chest, 1, 2) @ collar


def _untwist(turns: Array, side: str) -> None:
    """Forearms and shins twisted against the bone above by no more than a body can; where they point stays."""
    for above, below, axis, limit in (("Arm", "ForeArm", "X", "forearm"), ("UpLeg", "Leg", "Y", "shin")):
        upper, lower = ROW[f"{side}{above}"], ROW[f"{side}{below}"]
        turns[:, lower] = limited_twist(turns[:, upper], turns[:, lower], axis, _TWIST_LIMIT_DEG[limit])
