"""The small square picture that the detector sees of a larger square of the frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import Region


def shrunk(image_rgb: NDArray[np.uint8], region: Region, size_px: int) -> NDArray[np.uint8]:
    """(size_px, size_px, 3) picture of an upright `region` larger than it, without the aliasing of bilinear sampling.

    Black where the region leaves the frame. The part inside the frame is resized by area; its place is rounded to
    whole pixels of the result's grid, at most half a pixel of the small picture.
    """
    height, width = image_rgb.shape[:2]
    scale = region.size_px / size_px
    corner = np.array(region.centre_px) + 0.5 - region.size_px / 2
    low = np.clip(np.floor(corner), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corner + region.size_px), 0, (width, height)).astype(int)
    canvas = np.zeros((size_px, size_px, 3), np.uint8)
    start = np.clip(np.round((low - corner) / scale), 0, size_px).astype(int)
    stop = np.clip(np.round((high - corner) / scale), 0, size_px).astype(int)
    if (high > low).all() and (stop > start).all():
        inside = image_rgb[low[1] : high[1], low[0] : high[0]]
        small = cv2.resize(inside, tuple((stop - start).tolist()), interpolation=cv2.INTER_AREA)
        canvas[start[1] : stop[1], start[0] : stop[0]] = small
    return canvas
