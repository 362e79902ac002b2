"""CMU motion onto an avatar: the same turns of every limb on a body with other proportions.

Both skeletons are brought to the same straight T-pose first. There, a joint's turn away from rest means the same on
both, so the avatar's global rotation is the recording's global rotation times the avatar's straightened rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.avatar import Avatar
from training.bvh import Motion
from training.kinematics import Array, forward, localised, nearest_rotation, shortest_rotation

_SOURCES: dict[str, tuple[str, ...]] = {
    "Hips": ("hip",),
    "Spine": ("hip", "abdomen"),  # CMU bends first 0.2 m above the hips, the avatars from the pelvis on: share the bend
    "Spine1": ("abdomen",),
    "Spine2": ("chest",),
    "Neck": ("neck",),
    "Head": ("head",),
    "LeftShoulder": ("lCollar",),
    "LeftArm": ("lShldr",),
    "LeftForeArm": ("lForeArm",),
    "LeftHand": ("lHand",),
    "RightShoulder": ("rCollar",),
    "RightArm": ("rShldr",),
    "RightForeArm": ("rForeArm",),
    "RightHand": ("rHand",),
    "LeftUpLeg": ("lThigh",),
    "LeftLeg": ("lShin",),
    "LeftFoot": ("lFoot",),
    "RightUpLeg": ("rThigh",),
    "RightLeg": ("rShin",),
    "RightFoot": ("rFoot",),
}
CMU_JOINTS: tuple[str, ...] = tuple(dict.fromkeys(name for names in _SOURCES.values() for name in names))
"""Joints that a motion file must have (pass as `needs` to read_bvh)."""

STRAIGHT: dict[str, tuple[str, tuple[float, float, float]]] = {
    "LeftArm": ("LeftForeArm", (1.0, 0.0, 0.0)),
    "LeftForeArm": ("LeftHand", (1.0, 0.0, 0.0)),
    "RightArm": ("RightForeArm", (-1.0, 0.0, 0.0)),
    "RightForeArm": ("RightHand", (-1.0, 0.0, 0.0)),
    "LeftUpLeg": ("LeftLeg", (0.0, -1.0, 0.0)),
    "LeftLeg": ("LeftFoot", (0.0, -1.0, 0.0)),
    "RightUpLeg": ("RightLeg", (0.0, -1.0, 0.0)),
    "RightLeg": ("RightFoot", (0.0, -1.0, 0.0)),
}
"""Bone (joint, its end) -> direction when all rotations are zero. The CMU angles refer to these straight limbs, not to
the bent offsets that the files draw (elbows 17 degrees, knees 8): with them angles agree within 2 degrees with an
independent conversion of the same recordings."""


@dataclass(frozen=True, slots=True)
class AvatarMotion:
    """Global joint rotations (frame, joint, 3, 3) and positions in mm (frame, joint, 3) of one avatar."""

    rotations: Array
    positions_mm: Array

    def __len__(self) -> int:
        return len(self.positions_mm)


def retarget(motion: Motion, avatar: Avatar) -> AvatarMotion:
    """Move `avatar` as `motion` moved; the way over the ground is scaled by the ratio of leg lengths."""
    recorded, _ = motion.world()
    straight = _straightened(avatar)
    local = np.broadcast_to(avatar.rest_rotations, (len(motion), *avatar.rest_rotations.shape)).copy()
    turned = np.empty_like(local)
    for row, (name, parent) in enumerate(zip(avatar.joint_names, avatar.joint_parents, strict=True)):
        if name in _SOURCES:
            turned[:, row] = _blend(recorded, motion.rows(_SOURCES[name])) @ straight[row]
        else:
            turned[:, row] = turned[:, parent] @ local[:, row] if parent >= 0 else local[:, row]
    translations = np.broadcast_to(
        avatar.rest_translations_mm, (len(motion), *avatar.rest_translations_mm.shape)
    ).copy()
    hips = avatar.row("Hips")
    translations[:, hips] = motion.root_mm * leg_ratio(motion, avatar)
    return AvatarMotion(*forward(avatar.joint_parents, localised(avatar.joint_parents, turned), translations))


def leg_ratio(motion: Motion, avatar: Avatar) -> float:
    """Length of the avatar's legs (hip to ankle) over that of the recorded skeleton."""
    _, rest_mm = avatar.rest_world()
    hip, knee, ankle = (rest_mm[avatar.row(f"Left{bone}")] for bone in ("UpLeg", "Leg", "Foot"))
    own_mm = np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)
    recorded_mm = np.linalg.norm(motion.hierarchy.offsets_mm[motion.rows(["lShin", "lFoot"])], axis=1).sum()
    return float(own_mm / recorded_mm)


def _straightened(avatar: Avatar) -> Array:
    """The avatar's global rotations with straight limbs, everything else as at rest."""
    rest, positions_mm = avatar.rest_world()
    straight = rest.copy()
    for name, (end, direction) in STRAIGHT.items():
        bone = positions_mm[avatar.row(end)] - positions_mm[avatar.row(name)]
        straight[avatar.row(name)] = shortest_rotation(bone, direction) @ rest[avatar.row(name)]
    return straight


def _blend(rotations: Array, rows: list[int]) -> Array:
    """The mean of some joints' rotations per frame."""
    if len(rows) == 1:
        return rotations[:, rows[0]]
    return nearest_rotation(rotations[:, rows].mean(axis=1))
