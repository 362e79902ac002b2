"""Pictures of `di2pose evaluate multiview`: reference and estimate from above, and how the errors spread."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.calibrated_views import View
from training.metrics import PCK_LIMIT_MM
from training.multiview import H36M_ROWS, SCORED
from training.multiview_score import Scored, root_rows

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

_LEFT: Colour = (64, 160, 255)
_RIGHT: Colour = (255, 120, 64)
"""The sides as `realtime/overlay.py` colours them."""
_INK: Colour = (40, 40, 40)
_PLAIN: Colour = (60, 110, 190)
_ALIGNED: Colour = (200, 140, 60)
_BIN_MM = 20
_BINS = 20
_FLOOR_SIDE = 300
_FLOOR_MM = 600.0
"""The floor plan shows so much to each side of the root."""


def with_reference(image_rgb: Image, view: View, result: Scored) -> Image:
    """A copy with the reference's joints as rings, a line from each to the estimate's, and a floor plan."""
    canvas = image_rgb.copy()
    thickness = max(2, round(max(canvas.shape[:2]) / 500))
    for joint in np.flatnonzero(result.truth.scored):
        there = _place(view.camera.project(result.truth.camera_mm[joint]))
        if result.person is not None:
            cv2.line(canvas, there, _place(result.person.joints_px[H36M_ROWS[joint]]), (255, 255, 0), thickness)
        cv2.circle(canvas, there, 5 * thickness, _side(SCORED[joint]), thickness, cv2.LINE_AA)
    side = min(_FLOOR_SIDE, *canvas.shape[:2])
    canvas[:side, -side:] = cv2.resize(_floor_plan(result), (side, side))
    errors = result.errors_mm[np.isfinite(result.errors_mm)]
    said = f"{errors.mean():.0f} mm" if len(errors) else "nobody"
    _write(canvas, f"{result.moment}: {said}, {result.truth.root}", (8, 12 * thickness), scale=0.4 * thickness)
    return canvas


def sheet(pictures: Sequence[Image], *, columns: int = 3, width: int = 640) -> Image:
    """The pictures side by side, row by row, scaled to one width."""
    scaled = [cv2.resize(picture, (width, round(picture.shape[0] * width / picture.shape[1]))) for picture in pictures]
    blank = np.full_like(scaled[0], 255)
    scaled += [blank] * (-len(scaled) % columns)
    rows = [np.hstack(scaled[at : at + columns]) for at in range(0, len(scaled), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def error_chart(results: Sequence[Scored]) -> Image:
    """Left: how many joints have which error, plain and aligned. Right: mean error of each joint."""
    plain = np.array([result.errors_mm for result in results]).reshape(-1, len(SCORED))
    aligned = np.array([result.aligned_mm for result in results]).reshape(-1, len(SCORED))
    canvas = np.full((420, 1120, 3), 255, np.uint8)
    _histogram(canvas[:, :600], plain, aligned)
    _bars(canvas[:, 600:], plain, aligned)
    return canvas


def _histogram(canvas: Image, plain: NDArray[np.float64], aligned: NDArray[np.float64]) -> None:
    edges = np.append(np.arange(_BINS) * _BIN_MM, np.inf)
    counts = [np.histogram(errors[np.isfinite(errors)], edges)[0] for errors in (plain, aligned)]
    tallest = max(1, *(int(count.max()) for count in counts))
    left, floor, step = 50, 370, 26
    for count, colour, shift in ((counts[0], _PLAIN, 2), (counts[1], _ALIGNED, 13)):
        for at, number in enumerate(count):
            x = left + at * step + shift
            cv2.rectangle(canvas, (x, floor - round(310 * number / tallest)), (x + 10, floor), colour, -1)
    limit = left + round(PCK_LIMIT_MM / _BIN_MM * step)
    cv2.line(canvas, (limit, 50), (limit, floor), (200, 0, 0), 1)
    for at in range(0, _BINS + 1, 5):
        _write(canvas, f"{at * _BIN_MM}", (left + at * step - 12, floor + 20), scale=0.45)
    _write(canvas, f"{tallest}", (8, 65), scale=0.45)
    _write(canvas, "joints by error in mm (last: all above)", (left, 24), scale=0.5)
    _write(canvas, "MPJPE", (left, 44), scale=0.5, colour=_PLAIN)
    _write(canvas, "PA-MPJPE", (left + 70, 44), scale=0.5, colour=_ALIGNED)


def _bars(canvas: Image, plain: NDArray[np.float64], aligned: NDArray[np.float64]) -> None:
    _write(canvas, "mean error of each joint in mm", (10, 24), scale=0.5)
    for row, name in enumerate(SCORED):
        top = 45 + row * 36
        _write(canvas, name, (10, top + 18), scale=0.45)
        for errors, colour, shift in ((plain[:, row], _PLAIN, 0), (aligned[:, row], _ALIGNED, 14)):
            known = errors[np.isfinite(errors)]
            if len(known):
                length = min(300, round(float(known.mean())))
                cv2.rectangle(canvas, (150, top + shift), (150 + length, top + shift + 12), colour, -1)
                _write(canvas, f"{known.mean():.0f} ({len(known)})", (156 + length, top + shift + 11), scale=0.38)


def _floor_plan(result: Scored) -> Image:
    """From above, the camera below: what the estimate (dots) and the reference (rings) say about depth."""
    plan = np.full((_FLOOR_SIDE, _FLOOR_SIDE, 3), 245, np.uint8)
    _write(plan, "from above, camera below", (6, 18), scale=0.5)
    middle, scale = _FLOOR_SIDE / 2, _FLOOR_SIDE / 2 / _FLOOR_MM
    if result.person is not None:
        root = result.person.joints_mm[root_rows(result.truth)].mean(axis=0)
        joints = [_place(middle + scale * (joint - root)[[0, 2]] * (1, -1)) for joint in result.person.joints_mm]
        for parent, child in H36M17.bones:
            cv2.line(plan, joints[parent], joints[child], (150, 150, 150), 2, cv2.LINE_AA)
        for row, name in zip(H36M_ROWS, SCORED, strict=True):
            cv2.circle(plan, joints[row], 5, _side(name), -1, cv2.LINE_AA)
    for joint in np.flatnonzero(result.truth.scored):
        place = _place(middle + scale * result.truth.relative_mm[joint][[0, 2]] * (1, -1))
        cv2.circle(plan, place, 9, _side(SCORED[joint]), 2, cv2.LINE_AA)
    return plan


def _side(name: str) -> Colour:
    return _LEFT if name.startswith("left") else _RIGHT


def _place(point: NDArray[np.floating]) -> tuple[int, int]:
    x, y = np.clip(point, -32000, 32000).tolist()  # OpenCV draws with 16 bits to spare
    return round(x), round(y)


def _write(canvas: Image, text: str, place: tuple[int, int], *, scale: float, colour: Colour = _INK) -> None:
    """On white: an outline would not lie under the letters, whose widths depend on the stroke."""
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    corner = (place[0] + width + 2, place[1] + below)
    cv2.rectangle(canvas, (place[0] - 2, place[1] - height - 2), corner, (255, 255, 255), -1)
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
