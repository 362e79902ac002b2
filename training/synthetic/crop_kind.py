"""What kind of picture a crop is, told from its truth: whole or cut, free or covered, upright, bent or lying."""

from __future__ import annotations

from typing import Literal

import numpy as np

from engine.body.crop import inverted, transformed
from engine.body.skeleton import H36M17
from training.kinematics import Array
from training.synthetic.scene import Crop

CropKind = Literal["upright", "bent", "lying", "steep", "occluded", "truncated"]
KINDS: tuple[CropKind, ...] = ("upright", "bent", "lying", "steep", "occluded", "truncated")
"""The first four are whole and unoccluded; `steep` is seen from far above or below."""

OCCLUDERS = "occluders"
"""Key of `Crop.about`: how many things or other people stand in front of the person; 0, "" or "none" for nothing."""

_BENT_BELOW_DEG = 120.0
"""Angle at the hips between trunk and thighs; 180 in standing."""
_LYING_BEYOND_DEG = 60.0
"""Of trunk and of legs from the picture's vertical, in space."""
LOOKING_DOWN_DEG = "looking_down_deg"
"""Key of `Crop.about`: how far under the camera's horizon the person is; what is not said counts as level."""

_STEEP_BEYOND_DEG = 35.0
_FEWEST_VISIBLE = 8
"""A person seen from the side hides up to half of their own joints; fewer visible ones are hidden by something else."""


def kind_of(crop: Crop) -> CropKind:
    """Cut before covered before seen steeply before the pose, which is judged by the camera's vertical."""
    if not in_picture(crop).all():
        return "truncated"
    if _occluded(crop):
        return "occluded"
    if abs(float(crop.about.get(LOOKING_DOWN_DEG, 0.0))) > _STEEP_BEYOND_DEG:
        return "steep"
    trunk, thighs, legs = (_way(crop, name) for name in ("thorax", "knee", "ankle"))
    up = np.array([0.0, -1.0, 0.0])
    if min(_angle_deg(trunk, up), _angle_deg(legs, -up), 180 - _angle_deg(legs, -up)) > _LYING_BEYOND_DEG:
        return "lying"
    folded = _angle_deg(trunk, thighs) < _BENT_BELOW_DEG or _angle_deg(trunk, up) > _LYING_BEYOND_DEG
    return "bent" if folded else "upright"


def joints_crop_px(crop: Crop) -> Array:
    """(17, 2) labels in pixels of the crop."""
    return transformed(crop.joints_px, inverted(crop.frame_from_crop))


def in_picture(crop: Crop) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(17,) whether the joint lies inside of the frame and of the crop, hidden or not."""
    inside = np.ones(len(H36M17.names), np.bool_)
    for points, size_wh in (
        (crop.joints_px, crop.camera.size_wh),
        (joints_crop_px(crop), crop.image_rgb.shape[1::-1]),
    ):
        inside &= ((points >= -0.5) & (points < np.array(size_wh) - 0.5)).all(axis=1)
    return inside


def _occluded(crop: Crop) -> bool:
    said = crop.about.get(OCCLUDERS)
    if said is None:
        return int(crop.visible.sum()) < _FEWEST_VISIBLE
    return said not in (0, "", "0", "none")


def _way(crop: Crop, name: str) -> Array:
    """From the pelvis to a joint, or to the middle of a pair of joints."""
    rows = [row for row, joint in enumerate(H36M17.names) if joint in (name, f"left_{name}", f"right_{name}")]
    return np.asarray(crop.joints_mm[rows].mean(axis=0) - crop.joints_mm[H36M17.row("pelvis")], np.float64)


def _angle_deg(one: Array, other: Array) -> float:
    cosine = one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
