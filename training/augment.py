"""Changes of a pose that leave it human: mirror, view, and limbs of other frames. All act on turns of bones.

Turns are (n, 17, 3, 3) global rotations in person axes, see `training.cmu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.cmu import F32
from training.kinematics import axis_rotation

CAMERA_FROM_PERSON = np.diag([1.0, -1.0, -1.0])
"""Of a person who faces the camera: its left is at the picture's right, up is -y, its front is -z."""

LIMBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "left_leg": ("pelvis", ("left_knee", "left_ankle")),
    "right_leg": ("pelvis", ("right_knee", "right_ankle")),
    "left_arm": ("thorax", ("left_shoulder", "left_elbow", "left_wrist")),
    "right_arm": ("thorax", ("right_shoulder", "right_elbow", "right_wrist")),
    "head": ("thorax", ("neck_nose", "head_top")),
}
"""Limb -> the bone that carries it, and its own bones."""
_ABOVE_HIPS = tuple(name for name in H36M17.names if not name.endswith(("pelvis", "hip", "knee", "ankle")))


@dataclass(frozen=True, slots=True)
class ViewRange:
    """Where the camera stands: yaw is uniform over the whole circle."""

    pitch_deg: tuple[float, float] = (8.0, 14.0)
    """Mean and spread; positive looks down on the person. Cut off at `pitch_limits_deg`."""
    pitch_limits_deg: tuple[float, float] = (-25.0, 60.0)
    roll_deg: float = 5.0
    """Spread of the camera's tilt around zero, cut off at three times that."""

    def __post_init__(self) -> None:
        low, high = self.pitch_limits_deg
        if not -90 <= low < high <= 90 or self.pitch_deg[1] < 0 or self.roll_deg < 0:
            raise ValueError(f"a view needs limits of pitch within -90..90 in order and spreads >= 0, got {self}")


def mirrored(rotations: F32) -> F32:
    """Left and right exchanged, as in a mirror that stands beside the person."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    return rotations[:, H36M17.mirror_rows] * flip[:, None] * flip


def mirrored_joints_mm(joints_mm: F32) -> F32:
    """(n, 17, 3) joints in camera or person axes -> those of the mirror image."""
    return joints_mm[..., H36M17.mirror_rows, :] * np.array([-1.0, 1.0, 1.0], np.float32)


def draw_views(rng: np.random.Generator, count: int, *, view: ViewRange) -> F32:
    """(count, 3, 3) rotations from person axes to camera axes."""
    yaw = rng.uniform(-np.pi, np.pi, count)
    mean, spread = view.pitch_deg
    pitch = np.clip(mean + spread * rng.standard_normal(count), *view.pitch_limits_deg)
    roll = view.roll_deg * np.clip(rng.standard_normal(count), -3, 3)
    turn = axis_rotation("Z", np.deg2rad(roll)) @ axis_rotation("X", np.deg2rad(pitch)) @ axis_rotation("Y", yaw)
    return (CAMERA_FROM_PERSON @ turn).astype(np.float32)


def seen(joints_mm: F32, views: F32) -> F32:
    """(n, 17, 3) joints and (n, 3, 3) rotations of all of them -> (n, 17, 3)."""
    return joints_mm @ np.swapaxes(views, -1, -2)


def with_limb(rotations: F32, donors: F32, limb: str) -> F32:
    """The same poses with one limb held relative to the trunk as the donors hold theirs: joint angles are kept."""
    carrier, bones = LIMBS[limb]
    return _transplanted(rotations, donors, carrier=carrier, bones=bones)


def with_trunk(rotations: F32, donors: F32) -> F32:
    """The same poses with everything above the hips held relative to the pelvis as the donors hold it."""
    return _transplanted(rotations, donors, carrier="pelvis", bones=_ABOVE_HIPS)


def mixed(rotations: F32, rng: np.random.Generator, *, donors: Sequence[F32], probability: float) -> F32:
    """Trunk and limbs, each with this probability, from other frames: `donors` holds six batches, one per part."""
    result = rotations
    swap = rng.random((len(LIMBS) + 1, len(rotations))) < probability
    result = _where(swap[0], with_trunk(result, donors[0]), result)
    for row, limb in enumerate(LIMBS, start=1):
        result = _where(swap[row], with_limb(result, donors[row], limb), result)
    return result


def jittered(rotations: F32, rng: np.random.Generator, *, spread_deg: float) -> F32:
    """Every limb and part of the trunk turned a little, knees and elbows a third as much so as not to overstretch.

    The small turns have no preferred axis, so they can be applied in any frame; each carries what hangs below it.
    """
    count = len(rotations)
    turns = np.broadcast_to(np.eye(3, dtype=np.float32), rotations.shape).copy()
    for name, below in _JITTERED.items():
        spread = np.deg2rad(spread_deg / 3 if below in _HINGED else spread_deg)
        own = turn_by((spread * rng.standard_normal((count, 3))).astype(np.float32))
        carried = turns[:, H36M17.row(below)] if below else turns[:, 0]
        turns[:, H36M17.row(name)] = carried @ own
    for name, source in _SAME_TURN.items():
        turns[:, H36M17.row(name)] = turns[:, H36M17.row(source)]
    return turns @ rotations


def turn_by(vectors_rad: F32) -> F32:
    """(n, 3) axes times angles, angles well below 180 degrees -> (n, 3, 3) rotations (Cayley's form, exact ones)."""
    x, y, z = (
        np.tan(np.linalg.norm(vectors_rad, axis=1) / 2)
        * (vectors_rad / np.maximum(np.linalg.norm(vectors_rad, axis=1, keepdims=True), 1e-9)).T
    )
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    turns: F32 = (
        np.eye(3, dtype=np.float32) + (cross + cross @ cross) * (2 / (1 + x * x + y * y + z * z))[:, None, None]
    )
    return turns


_JITTERED = {
    "spine": "",
    "thorax": "spine",
    "neck_nose": "thorax",
    "left_knee": "",
    "left_ankle": "left_knee",
    "right_knee": "",
    "right_ankle": "right_knee",
    "left_elbow": "thorax",
    "left_wrist": "left_elbow",
    "right_elbow": "thorax",
    "right_wrist": "right_elbow",
}
"""Bone that is turned -> the bone whose turn carries it."""
_HINGED = frozenset({"left_knee", "right_knee", "left_elbow", "right_elbow"})
_SAME_TURN = {"head_top": "neck_nose", "left_shoulder": "thorax", "right_shoulder": "thorax"}


def _where(chosen: NDArray[np.bool_], these: F32, others: F32) -> F32:
    return np.where(chosen[:, None, None, None], these, others)


def _transplanted(rotations: F32, donors: F32, *, carrier: str, bones: tuple[str, ...]) -> F32:
    base, rows = H36M17.row(carrier), H36M17.rows(*bones)
    moved = rotations[:, base] @ np.swapaxes(donors[:, base], -1, -2)
    result = rotations.copy()
    result[:, rows] = moved[:, None] @ donors[:, rows]
    return result
