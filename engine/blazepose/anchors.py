"""The detector's anchors: the 2254 places that its boxes are relative to."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_LAYERS = ((28, 2), (14, 2), (7, 6))
"""(cells along a side, anchors in a cell): strides 8, 16 and three times 32 of 224 px, two anchors for each
(SsdAnchorsCalculator as set up in MediaPipe's pose_detection_cpu.pbtxt)."""


@cache
def anchor_centres() -> NDArray[np.float32]:
    """(2254, 2) x, y of the cells' centres in 0..1; every anchor has the size of the whole picture. Read-only."""
    centres = np.concatenate([_layer(cells, anchors) for cells, anchors in _LAYERS])
    centres.setflags(write=False)
    return centres


def _layer(cells: int, anchors: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:cells, :cells]
    grid = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
    return np.repeat(grid, anchors, axis=0).astype(np.float32)
