"""Pictures of poses on rendered crops, as the paper's qualitative figures have them: crop, front, side, and doubt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import inverted, transformed
from engine.body.pose import PersonPose
from engine.body.skeleton import H36M17
from training.evaluate_live import stream_mm
from training.metrics import joint_errors_mm
from training.synthetic.scene import Crop

Image = NDArray[np.uint8]
Array = NDArray[np.float64]
Colour = tuple[int, int, int]

PANEL_PX = 320
_REACH_MM = 1100.0
"""Panels show so much to each side of the pelvis."""
_TRUTH: Colour = (170, 170, 170)
_LEFT: Colour = (64, 160, 255)
_RIGHT: Colour = (255, 120, 64)
_MIDDLE: Colour = (90, 90, 90)
_INK: Colour = (40, 40, 40)


def row_of(crop: Crop, poses: Sequence[PersonPose], names: Sequence[str]) -> Image:
    """The crop with the last estimate's joints, then front and side view of every estimate over the grey truth.

    Circles in the side view are the radii that hold the true joint with 90 % probability; hidden joints are rings.
    """
    truth = stream_mm(np.asarray(crop.joints_mm, np.float32)).astype(float)
    panels = [_picture(crop, poses[-1])]
    for pose, name in zip(poses, names, strict=True):
        error_mm = float(joint_errors_mm(pose.joints_mm, truth).mean())
        for axes, text in (((0, 1), f"{name}, {error_mm:.0f} mm"), ((2, 1), "from the side")):
            panel = np.full((PANEL_PX, PANEL_PX, 3), 255, np.uint8)
            _skeleton(panel, truth[:, axes], None)
            _skeleton(panel, pose.joints_mm[:, axes].astype(float), pose, circles=axes[0] == 2)
            cv2.putText(panel, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
            panels.append(panel)
    return np.hstack(panels)


def _picture(crop: Crop, pose: PersonPose) -> Image:
    """The crop, enlarged, with the estimate's joints; hidden ones are rings."""
    scale = PANEL_PX / crop.image_rgb.shape[0]
    canvas = np.ascontiguousarray(cv2.resize(crop.image_rgb, (PANEL_PX, PANEL_PX), interpolation=cv2.INTER_LINEAR))
    places = transformed(pose.joints_px, inverted(np.asarray(crop.frame_from_crop))) * scale
    for parent, child in H36M17.bones:
        cv2.line(canvas, _place(places[parent]), _place(places[child]), _side(child), 2, cv2.LINE_AA)
    for joint in range(len(places)):
        filled = 1 if pose.hidden[joint] else -1
        cv2.circle(canvas, _place(places[joint]), 5, _side(joint), filled, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def _skeleton(panel: Image, flat_mm: Array, pose: PersonPose | None, *, circles: bool = False) -> None:
    """`flat_mm` (17, 2) relative to the pelvis; the truth where no pose is given."""
    scale = PANEL_PX / 2 / _REACH_MM
    places = PANEL_PX / 2 + flat_mm * scale
    if pose is not None and circles and pose.spread_mm is not None:
        for joint, radius_mm in enumerate(pose.spread_mm):
            cv2.circle(panel, _place(places[joint]), round(float(radius_mm) * scale), (225, 225, 245), 1, cv2.LINE_AA)
    for parent, child in H36M17.bones:
        colour = _TRUTH if pose is None else _side(child)
        cv2.line(panel, _place(places[parent]), _place(places[child]), colour, 6 if pose is None else 2, cv2.LINE_AA)
    for joint in range(len(places)) if pose is not None else ():
        filled = 1 if pose is not None and pose.hidden[joint] else -1
        cv2.circle(panel, _place(places[joint]), 4, _side(joint), filled, cv2.LINE_AA)


def _side(joint: int) -> Colour:
    name = H36M17.names[joint]
    return _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE


def _place(point: NDArray[np.floating]) -> tuple[int, int]:
    x, y = np.clip(point, -32000, 32000).tolist()
    return round(x), round(y)
