"""The region of interest around a person, and what it means for the directions of the 3D points."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.blazepose.networks import DETECTOR_SIZE_PX, LANDMARK_SIZE_PX
from engine.body.crop import Region

_MARGIN = 1.25
"""Room around the circle through the scale point (RectTransformationCalculator in MediaPipe's
pose_detection_to_roi.pbtxt and pose_landmarks_to_roi.pbtxt)."""


def region_around(centre_px: ArrayLike, scale_point_px: ArrayLike) -> Region | None:
    """The square around `centre_px` in which the vector to `scale_point_px` points upwards.

    Both are frame pixels: hip centre and full-body scale point of a detection, or the landmarks 33 and 34 of
    the last pose. None where they coincide or are not finite: there is no direction to turn by, detect again.
    """
    centre = np.asarray(centre_px, np.float64)
    x, y = np.asarray(scale_point_px, np.float64) - centre
    distance = math.hypot(x, y)
    if not math.isfinite(distance) or distance < 1e-3 or not np.isfinite(centre).all():
        return None
    return _as_trained(centre, 2 * distance * _MARGIN, math.atan2(x, -y), network_px=LANDMARK_SIZE_PX)


def shown_to_detector(middle_px: ArrayLike, side_px: float) -> Region:
    """The upright square around `middle_px` as the detector is to see it; both count from the frame's edge.

    The whole frame is the square of its longer side around half its size.
    """
    return _as_trained(np.asarray(middle_px, np.float64), side_px, 0.0, network_px=DETECTOR_SIZE_PX)


def turned_upright(points: NDArray[np.float32], angle_rad: float) -> NDArray[np.float32]:
    """(..., 3) points in the axes of a crop turned by `angle_rad` -> in the axes of the frame."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]], np.float32)
    return points @ turn.T


def _as_trained(centre: NDArray[np.float64], size_px: float, angle_rad: float, *, network_px: int) -> Region:
    """The region whose crop shows `centre` at the pixel network_px / 2, half a pixel beyond the crop's middle.

    MediaPipe cuts so (image_to_tensor_converter_opencv.cc puts corner on pixel centre), and the networks' answers
    count pixels the same way; half a pixel of the crop moves them by several.
    """
    half = size_px / network_px / 2
    cos, sin = math.cos(angle_rad) * half, math.sin(angle_rad) * half
    return Region((float(centre[0] - cos + sin), float(centre[1] - sin - cos)), size_px, angle_rad)
