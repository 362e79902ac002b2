"""Where bodies appear in a crop: what is drawn, cleared and read back is no more than that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.avatar import Floats
from training.synthetic import lens
from training.synthetic.scene import Placed, Viewpoint

_STEP_PX = 32
"""Pieces begin and end at multiples of it: for so many sizes there are targets; a software rasteriser's tiles are 64
samples wide."""
_MARGIN_PX = 2
"""Around bodies, so that the filter that shrinks a piece finds nothing cut off."""

_EVERYWHERE_PX = np.full(2, 1e6, np.float32)


@dataclass(frozen=True, slots=True)
class Piece:
    """Pixels of a crop: columns `left` up to, without, `right`, rows `top` up to `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top

    @property
    def rows_columns(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def nearest_first(viewpoint: Viewpoint, placed: Sequence[Placed]) -> tuple[list[int], Piece | None]:
    """Rows of those bodies that may be seen, the nearest first, and the piece of the crop that holds all of them.

    None where there are none. A body that reaches the camera's plane may be anywhere.
    """
    limit_px = viewpoint.crop_size_px - 1 + _MARGIN_PX
    box_of = _boxes(viewpoint)
    boxes = [box_of(one.vertices_mm) for one in placed]
    seen = [
        row
        for row, (low_px, high_px, _) in enumerate(boxes)
        if (high_px > -_MARGIN_PX).all() and (low_px < limit_px).all()
    ]
    if not seen:
        return [], None
    low_px = np.min([boxes[row][0] for row in seen], axis=0) - _MARGIN_PX
    high_px = np.max([boxes[row][1] for row in seen], axis=0) + _MARGIN_PX + 1
    first = np.clip(low_px, 0, viewpoint.crop_size_px - 1) // _STEP_PX * _STEP_PX
    last = np.clip(-(-high_px // _STEP_PX) * _STEP_PX, 1, viewpoint.crop_size_px)
    left, top, right, bottom = (int(value) for value in (*first, *last))
    return sorted(seen, key=lambda row: boxes[row][2]), Piece(left, top, right, bottom)


def _boxes(viewpoint: Viewpoint) -> Callable[[Floats], tuple[Floats, Floats, float]]:
    """(vertex, 3) -> corners (2,) in crop pixels of a box around a body, and its least depth; float32, for speed."""
    crop_from_lens = lens.crop_from_lens(viewpoint)
    distorted = any(viewpoint.camera.distortion)
    turn = viewpoint.rotation if distorted else crop_from_lens @ viewpoint.rotation
    shift = -(turn @ viewpoint.eye_mm).astype(np.float32)[:, None]
    turn, scale = turn.astype(np.float32), crop_from_lens.astype(np.float32)

    def box(vertices_mm: Floats) -> tuple[Floats, Floats, float]:
        seen = turn @ vertices_mm.T + shift
        nearest_mm = float(seen[2].min())
        if nearest_mm <= lens.NEAR_MM:
            return -_EVERYWHERE_PX, _EVERYWHERE_PX, nearest_mm
        points = seen[:2] / seen[2]
        if distorted:
            points = scale[:2, :2] @ lens.bent(viewpoint, points) + scale[:2, 2:]
        return points.min(axis=1), points.max(axis=1), nearest_mm

    return box
