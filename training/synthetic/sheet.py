"""A contact sheet: crops side by side with their joints, to be looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import inverted, transformed
from engine.body.skeleton import H36M17
from training.synthetic.scene import Crop
from training.synthetic.whole_file import WholeFile

_COLUMNS = 8
_LEFT, _RIGHT, _MIDDLE = (64, 160, 255), (255, 120, 64), (240, 240, 240)
_SUBPIXEL_BITS = 4
_FARTHEST_PX = 4096.0
"""Joints beyond are drawn there: OpenCV takes whole numbers of limited size."""


def sheet(crops: Sequence[Crop], *, columns: int = _COLUMNS) -> NDArray[np.uint8]:
    """RGB picture of the crops, row by row; visible joints are discs, hidden ones rings."""
    drawn = [with_joints(crop) for crop in crops]
    height, width = drawn[0].shape[:2]
    columns = min(columns, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    picture = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, one in enumerate(drawn):
        row, column = divmod(place, columns)
        picture[row * height :, column * width :][:height, :width] = one
    return picture


def with_joints(crop: Crop) -> NDArray[np.uint8]:
    """A copy of the crop's picture with bones and joints, left blue, right orange."""
    canvas = np.ascontiguousarray(crop.image_rgb).copy()
    joints_px = transformed(crop.joints_px, inverted(crop.frame_from_crop))
    steps = np.clip(joints_px, -_FARTHEST_PX, _FARTHEST_PX) * 2**_SUBPIXEL_BITS
    points = [(int(x), int(y)) for x, y in np.rint(steps)]
    for parent, child in H36M17.bones:
        cv2.line(canvas, points[parent], points[child], _colour(child), 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    for row, point in enumerate(points):
        radius_px, thickness = (3, -1) if crop.visible[row] else (4, 1)
        cv2.circle(canvas, point, radius_px << _SUBPIXEL_BITS, _colour(row), thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas


def write_sheet(crops: Sequence[Crop], path: Path) -> None:
    """As PNG. StorageError where it cannot be written."""
    done, content = cv2.imencode(".png", cv2.cvtColor(sheet(crops), cv2.COLOR_RGB2BGR))
    assert done
    with WholeFile(path) as file:
        file.write(content.tobytes())


def _colour(row: int) -> tuple[int, int, int]:
    name = H36M17.names[row]
    return _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE
