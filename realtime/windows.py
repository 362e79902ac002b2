"""Which parts of the picture the detector looks at: all of it, and square tiles for people far away.

The detector sees 224 x 224 pixels. On a wide picture a far person is then too small to be found; a tile as high as
the picture shows the same person at up to twice the size (a far man in a 1768 x 994 clip: found in the whole picture in
1 of 14 frames, in tiles in 10 of 14, see docs/experiments.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_OVERLAP = 0.4
"""Share of a tile that its neighbour sees too, so that nobody stands cut in both."""
_FINE_MIN_SIDE_PX = 300
"""Finer tiles than this would enlarge the picture beyond its own pixels."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of the frame; may reach over the border, where it is black."""

    left_px: float
    top_px: float
    side_px: float

    @property
    def middle_px(self) -> tuple[float, float]:
        """Counted from the frame's edge, as left and top are."""
        return self.left_px + self.side_px / 2, self.top_px + self.side_px / 2


def whole(size_wh: tuple[int, int]) -> Window:
    """The whole picture, letterboxed to a square."""
    side = max(size_wh)
    return Window((size_wh[0] - side) / 2, (size_wh[1] - side) / 2, side)


def coarse_tiles(size_wh: tuple[int, int]) -> list[Window]:
    """Tiles as large as the shorter side; none when the picture is nearly square."""
    side = min(size_wh)
    return [] if max(size_wh) < 1.2 * side else _grid(size_wh, side)


def fine_tiles(size_wh: tuple[int, int]) -> list[Window]:
    """Tiles of half the shorter side, for people a fifth of the picture high; none on small pictures."""
    side = min(size_wh) / 2
    return [] if side < _FINE_MIN_SIDE_PX else _grid(size_wh, side)


def around(centre_px: tuple[float, float], side_px: float) -> Window:
    """The square around a point."""
    return Window(centre_px[0] + 0.5 - side_px / 2, centre_px[1] + 0.5 - side_px / 2, side_px)


def _grid(size_wh: tuple[int, int], side_px: float) -> list[Window]:
    lefts, tops = (_starts(length, side_px) for length in size_wh)
    return [Window(left, top, side_px) for top in tops for left in lefts]


def _starts(length_px: int, side_px: float) -> list[float]:
    room = length_px - side_px
    steps = math.ceil(room / (side_px * (1 - _OVERLAP)))
    return [room * step / steps for step in range(steps + 1)] if steps > 0 else [0.0]
