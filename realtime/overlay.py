"""Draws people onto a picture: bones, joints, ids."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.pose import PersonPose
from engine.body.skeleton import H36M17
from realtime.person import TrackedPerson

Colour = tuple[int, int, int]

_LEFT: Colour = (64, 160, 255)
_RIGHT: Colour = (255, 120, 64)
_MIDDLE: Colour = (240, 240, 240)
_FADED = 0.45
"""Brightness of people who are predicted and not seen."""


def drawn(image_rgb: NDArray[np.uint8], people: Sequence[TrackedPerson], *, caption: str = "") -> NDArray[np.uint8]:
    """A copy of the picture with everybody's skeleton; hidden joints are open circles."""
    canvas = image_rgb.copy()
    thickness = max(2, round(max(canvas.shape[:2]) / 400))
    for person in people:
        if person.state != "lost":
            _draw_person(canvas, person, thickness)
    if caption:
        _write(canvas, caption, (8, 8 + 12 * thickness), thickness)
    return canvas


def _draw_person(canvas: NDArray[np.uint8], person: TrackedPerson, thickness: int) -> None:
    light = _FADED if person.state == "predicted" else 1.0
    pose = person.pose
    points = [(round(float(x)), round(float(y))) for x, y in pose.joints_px]
    for parent, child in H36M17.bones:
        cv2.line(canvas, points[parent], points[child], _colour(child, light), thickness, cv2.LINE_AA)
    for row, point in enumerate(points):
        fill = thickness // 2 + 1 if pose.hidden[row] else -1
        cv2.circle(canvas, point, thickness * 2, _colour(row, light), fill, cv2.LINE_AA)
    _write(canvas, _label(person), _label_place(pose, thickness), thickness)


def _colour(row: int, light: float) -> Colour:
    name = H36M17.names[row]
    base = _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE
    return tuple(round(channel * light) for channel in base)  # type: ignore[return-value]


def _label(person: TrackedPerson) -> str:
    depth_m = float(person.pose.root_mm[2]) / 1000
    mark = "" if person.state in ("new", "tracked") else f" {person.state}"
    return f"{person.person_id}  {person.score:.2f}  {depth_m:.1f} m{mark}"


def _label_place(pose: PersonPose, thickness: int) -> tuple[int, int]:
    left, top = pose.joints_px.min(axis=0)
    return round(float(left)), max(12 * thickness, round(float(top)) - 6 * thickness)


def _write(canvas: NDArray[np.uint8], text: str, place: tuple[int, int], thickness: int) -> None:
    scale = thickness * 0.3
    for colour, width in (((0, 0, 0), thickness + 2), ((255, 255, 255), max(1, thickness // 2))):
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, width, cv2.LINE_AA)
