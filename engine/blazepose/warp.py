"""Cutting the square picture of a region out of a frame, and turning it into a network's input."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import Region

Outside = Literal["edge", "black"]

_SPARSEST = 3.0
"""Pixels of the picture for one of the crop, along a side, that bilinear sampling may step over."""
_REST_PX = 8
"""Picture kept around the region, so that halving does not reach into it from outside."""
_BORDERS = {"edge": cv2.BORDER_REPLICATE, "black": cv2.BORDER_CONSTANT}


def cut(
    image_rgb: NDArray[np.uint8], region: Region, size_px: int, *, outside: Outside = "edge"
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """(size_px, size_px, 3) picture of `region`, and the (2, 3) map from its pixels to those of the frame.

    Together they are a `PersonCrop`. outside: what is seen where the region leaves the frame; the landmark network
    is used to the frame's edge drawn out, the detector to black (MediaPipe's graphs).

    Bilinear on places rounded to 1/32 px, as OpenCV 4 samples. OpenCV 5's warpAffine is more exact by up to three
    grey levels, and the landmark network turns these into several pixels where the hips are not seen.
    """
    frame_from_crop = region.frame_from_crop(size_px)
    columns, rows = (np.add.outer(by_row, by_column) for by_row, by_column in place_parts(frame_from_crop, size_px))
    whole, fraction = cv2.convertMaps(columns, rows, cv2.CV_16SC2)
    crop = cv2.remap(image_rgb, whole, fraction, cv2.INTER_LINEAR, borderMode=_BORDERS[outside])
    return np.asarray(crop, np.uint8), frame_from_crop


def place_parts(frame_from_crop: NDArray[np.float64], size_px: int) -> NDArray[np.float32]:
    """(2, 2, size_px): what the places in the frame of a crop's pixels are sums of, for columns and for rows.

    A pixel's column in the frame is [0, 0, its row] + [0, 1, its column], its row [1, 0, its row] + [1, 1, its column].
    In single precision and so parted, since one sum comes out the same wherever it is made, and a product and a sum
    together do not: some processors round them once.
    """
    along, across, begin = np.moveaxis(frame_from_crop.astype(np.float32)[:, None, :], -1, 0)
    steps = np.arange(size_px, dtype=np.float32)
    return np.stack([across * steps + begin, along * steps], axis=1)


def landmark_input(image_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(..., 256, 256, 3) bytes -> the landmark network's input in 0..1."""
    return np.multiply(image_rgb, np.float32(1 / 255), dtype=np.float32)


def detector_input(image_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(..., 224, 224, 3) bytes -> the detector's input in -1..1."""
    scaled = np.multiply(image_rgb, np.float32(2 / 255), dtype=np.float32)
    scaled -= np.float32(1)
    return scaled


def cut_small(
    image_rgb: NDArray[np.uint8], region: Region, size_px: int, *, outside: Outside = "black"
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """`cut` for a region much larger than `size_px`: halved by area first, so that nothing is skipped over.

    Sampling a large picture as sparsely as `cut` does costs detections of far people and adds false ones, and
    fetches a cache line for every pixel (docs/experiments.md). The same as `cut` where the region is small.
    """
    corners = region.corners_px
    left, top = np.maximum(np.floor(corners.min(axis=0) + 0.5).astype(int) - _REST_PX, 0)
    right, bottom = np.maximum(np.ceil(corners.max(axis=0) + 0.5).astype(int) + _REST_PX, 0)
    part, scale = image_rgb[top:bottom, left:right], 1
    while region.size_px / scale > _SPARSEST * size_px and min(part.shape[:2]) >= 2:
        height, width = part.shape[0] // 2, part.shape[1] // 2
        part = np.asarray(cv2.resize(part[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
        scale *= 2
    if scale == 1:
        return cut(image_rgb, region, size_px, outside=outside)
    x, y = ((np.array(region.centre_px) + 0.5 - (left, top)) / scale - 0.5).tolist()
    picture, _ = cut(part, Region((x, y), region.size_px / scale, region.angle_rad), size_px, outside=outside)
    return picture, region.frame_from_crop(size_px)
