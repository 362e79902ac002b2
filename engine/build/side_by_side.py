"""People of many pictures in one, for graphs that take a whole frame: what the parity gate shows them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.body.crop import PersonCrop, Region, inverted
from engine.runtime.graph_name import SizeWh

_TURNS_RAD = (0.0, 0.2, -0.2)
"""People lie turned in it, as they do in frames."""
_SHARE = 0.84
"""Of a tile's side, so that a square turned by 0.2 stays within its tile: less than 1 / (cos 0.2 + sin 0.2)."""


def side_by_side(crops: Sequence[PersonCrop], frame_wh: SizeWh) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """(height, width, 3) picture in which everybody of `crops` has a tile, and the maps (person, 2, 3) that cut them
    out again: nearly the crops, which were drawn larger or smaller in between."""
    width, height = frame_wh
    columns, side_px = _tiling(len(crops), frame_wh)
    frame = np.zeros((height, width, 3), np.uint8)
    maps = []
    for number, crop in enumerate(crops):
        left, top = (number % columns) * side_px, (number // columns) * side_px
        middle = (left + (side_px - 1) / 2, top + (side_px - 1) / 2)
        region = Region(middle, _SHARE * side_px, _TURNS_RAD[number % len(_TURNS_RAD)])
        frame_from_crop = region.frame_from_crop(len(crop.image_rgb))
        crop_from_tile = inverted(frame_from_crop) @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
        frame[top : top + side_px, left : left + side_px] = cv2.warpAffine(
            crop.image_rgb,
            crop_from_tile,
            (side_px, side_px),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        maps.append(frame_from_crop)
    return frame, np.stack(maps)


def _tiling(count: int, frame_wh: SizeWh) -> tuple[int, int]:
    """Columns, and the side of the largest tiles of which so many fit."""
    width, height = frame_wh
    sides_px = {columns: min(width // columns, height // -(-count // columns)) for columns in range(1, count + 1)}
    columns = max(sides_px, key=sides_px.__getitem__)
    return columns, sides_px[columns]
