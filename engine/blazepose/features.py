"""What is taken of the landmark network's inner maps as a description of a crop, and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.blazepose.networks import FEATURE_CHANNELS, LANDMARK_SIZE_PX

F32 = NDArray[np.float32]

KEPT_MAPS = ("trunk_2", "trunk_4")
"""What the heads read (1,152 numbers), and the map in front of it. In half precision these are 11.5 kB a crop;
backbone_8 alone would be 18.4 kB, trunk_8 36.9 kB."""

POINT_MAP = "pyramid_64"
"""Read only at the body points: 33 x 48 numbers instead of 196,608."""


def side_of(name: str) -> int:
    """Height and width of a feature map. KeyError where the network has no such map."""
    checked([name])
    return int(name.rpartition("_")[2])


def shape_of(name: str) -> tuple[int, int, int]:
    """(channel, height, width) of a feature map. KeyError where the network has no such map."""
    return FEATURE_CHANNELS[checked([name])[0]], side_of(name), side_of(name)


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each of which the network has; else a KeyError that names those it has."""
    unknown = [name for name in names if name not in FEATURE_CHANNELS]
    if unknown:
        raise KeyError(f"the landmark network has no feature map {unknown[0]!r}; it has {', '.join(FEATURE_CHANNELS)}")
    return tuple(names)


def at_points(feature_map: NDArray[Any], points_px: ArrayLike) -> F32:
    """(channel, side, side) read at (n, 2) pixels of the crop -> (n, channel), bilinear, clamped to the border.

    Cell i stands at pixel i * 256 / side, as the heatmap's cells do where landmarks are refined.
    """
    side = feature_map.shape[-1]
    cells = np.clip(np.asarray(points_px, np.float32) * np.float32(side / LANDMARK_SIZE_PX), 0, side - 1)
    low = np.minimum(cells.astype(np.intp), side - 2)
    share = cells - low
    (x, y), (right, down) = low.T, share.T
    upper = feature_map[:, y, x] * (1 - right) + feature_map[:, y, x + 1] * right
    lower = feature_map[:, y + 1, x] * (1 - right) + feature_map[:, y + 1, x + 1] * right
    return np.ascontiguousarray((upper * (1 - down) + lower * down).T, np.float32)
