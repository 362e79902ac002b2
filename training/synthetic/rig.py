"""One fixed skeleton for every avatar of the synthetic source: 22 joints of the body and 30 of the fingers.

All rest rotations are identities in world axes (x left of the person, y up, z to the front), so a joint's global turn
is written down in the same axes for every avatar; whatever else a file's skeleton has (eyes, ends) moves with the
nearest joint of this one above it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.avatar import BODY_JOINTS, Avatar
from training.gltf import AvatarError
from training.kinematics import Array, shortest_rotation
from training.retarget import STRAIGHT

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
FINGER_JOINTS: tuple[str, ...] = tuple(
    f"{side}Hand{finger}{number}" for side in ("Left", "Right") for finger in _FINGERS for number in (1, 2, 3)
)
RIG_JOINTS: tuple[str, ...] = (*BODY_JOINTS, *FINGER_JOINTS)
"""Row order of every array over joints in this package."""
ROW = {name: row for row, name in enumerate(RIG_JOINTS)}

_ABOVE = {
    "Spine": "Hips", "Spine1": "Spine", "Spine2": "Spine1", "Neck": "Spine2", "Head": "Neck",
    "LeftShoulder": "Spine2", "LeftArm": "LeftShoulder", "LeftForeArm": "LeftArm", "LeftHand": "LeftForeArm",
    "RightShoulder": "Spine2", "RightArm": "RightShoulder", "RightForeArm": "RightArm", "RightHand": "RightForeArm",
    "LeftUpLeg": "Hips", "LeftLeg": "LeftUpLeg", "LeftFoot": "LeftLeg", "LeftToeBase": "LeftFoot",
    "RightUpLeg": "Hips", "RightLeg": "RightUpLeg", "RightFoot": "RightLeg", "RightToeBase": "RightFoot",
}  # fmt: skip


def _parent(name: str) -> int:
    if name == "Hips":
        return -1
    if name in _ABOVE:
        return ROW[_ABOVE[name]]
    knuckle = int(name[-1])
    return ROW[f"{name[:-1]}{knuckle - 1}"] if knuckle > 1 else ROW[name[: name.index("Hand") + 4]]


RIG_PARENTS: tuple[int, ...] = tuple(_parent(name) for name in RIG_JOINTS)
"""Row of each joint's parent, -1 for the hips; always smaller than the joint's own."""


def _mirrored(name: str) -> str:
    if name.startswith("Left"):
        return f"Right{name.removeprefix('Left')}"
    return f"Left{name.removeprefix('Right')}" if name.startswith("Right") else name


MIRROR_ROWS = np.array([ROW[_mirrored(name)] for name in RIG_JOINTS])
"""Rows with left and right exchanged."""

_THIGH_SHARE = 0.242
"""Hip joint above the knee as a share of body height. The files place it anywhere between 0.18 and 0.24 of the height
by the clothes (lowest under scrubs and skirts); the best third, in close trousers, agrees with R. Drillis, R. Contini,
"Body segment parameters", 1966 (thigh 0.245)."""


def rig_rows(avatar: Avatar) -> NDArray[np.intp]:
    """(joint of the avatar,) the row of this rig that moves it; AvatarError where one of `RIG_JOINTS` is missing."""
    missing = [name for name in RIG_JOINTS if name not in avatar.joint_names]
    if missing:
        raise AvatarError(f"{avatar.name} has no joint {', '.join(missing[:4])}; use an avatar with Mixamo's hands")
    rows: list[int] = []
    for name, parent in zip(avatar.joint_names, avatar.joint_parents, strict=True):
        rows.append(ROW[name] if name in ROW else rows[parent])
    return np.array(rows)


def rest_positions_mm(avatar: Avatar, *, height_mm: float) -> Array:
    """(52, 3) joints at rest, left and right as mirror images of each other, hips where anatomy has them."""
    _, world_mm = avatar.rest_world()
    own = world_mm[[avatar.row(name) for name in RIG_JOINTS]]
    rest: Array = (own + own[MIRROR_ROWS] * (-1.0, 1.0, 1.0)) / 2
    for side in ("Left", "Right"):
        rest[ROW[f"{side}UpLeg"], 1] = rest[ROW[f"{side}Leg"], 1] + _THIGH_SHARE * height_mm
    return rest


def straightening(rest_mm: Array) -> Array:
    """(52, 3, 3) global rotations that bring the limbs at rest into the straight T-pose; hands go with forearms."""
    straight = np.tile(np.eye(3), (len(RIG_JOINTS), 1, 1))
    for name, (end, direction) in STRAIGHT.items():
        straight[ROW[name]] = shortest_rotation(rest_mm[ROW[end]] - rest_mm[ROW[name]], direction)
    for row, name in enumerate(RIG_JOINTS):
        if "Hand" in name:
            straight[row] = straight[ROW["LeftForeArm" if name.startswith("Left") else "RightForeArm"]]
    return straight
