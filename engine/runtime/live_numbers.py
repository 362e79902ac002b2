"""What the live model is told of one crop: the landmark network's answer in the axes of the crop's virtual camera.

One place for training and for the live line, so that both see the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.features import KEPT_MAPS
from engine.blazepose.landmarks import BODY_POINTS, PEAKS
from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.body.virtual_camera import VirtualView
from engine.runtime.blazepose_encoder import Encoding

F32 = NDArray[np.float32]

POINT_NUMBERS = 8 + 3 * PEAKS
RAY, DEPTH, WORLD, SEEN, PEAK = slice(0, 2), slice(2, 3), slice(3, 6), slice(6, 8), slice(8, POINT_NUMBERS)
"""Columns of `LiveNumbers.points`."""
VIEW_NUMBERS = 3
FARTHEST_RAY = 4.0
"""Landmarks far outside of the crop are guesses; they end at four times the distance of its edge."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveNumbers:
    """One crop; arrays of its own."""

    NAMES: ClassVar[tuple[str, ...]] = ("points", "at_points", "trunk_2", "trunk_4", "view")

    points: F32
    """(33, 17): x and y of the ray in shares of the view's half angle, depth in halves of the crop's side, three world
    coordinates in metres in the axes of the crop, visibility and in_picture in 0..1; then of each of three peaks of the
    point's heatmap, hottest first, the ray and the heat in 0..1."""
    at_points: F32
    """(33, 48) the feature pyramid at the points."""
    trunk_2: F32
    """(4, 288), row by row from the upper left."""
    trunk_4: F32
    """(16, 288)"""
    view: F32
    """(3,): logarithm of the half angle's tangent, presence, logarithm of the region's side in frame pixels."""

    @classmethod
    def of(cls, encoding: Encoding, view: VirtualView) -> LiveNumbers:
        """ValueError where the encoder was made without the kept maps or the pyramid."""
        if encoding.at_points is None or any(name not in encoding.maps for name in KEPT_MAPS):
            raise ValueError(f"the live model needs the maps {', '.join(KEPT_MAPS)} and the pyramid at the points")
        found = encoding.landmarks
        peak_rays = _rays(view, found.peaks[..., :2])
        peaks = np.concatenate([peak_rays, found.peaks[..., 2:]], axis=-1).reshape(BODY_POINTS, -1)
        parts = (
            _rays(view, found.points_px[:BODY_POINTS]),
            found.depth_px[:BODY_POINTS, None] / (LANDMARK_SIZE_PX / 2),
            found.world_m[:BODY_POINTS],
            found.visibility[:BODY_POINTS, None],
            found.in_picture[:BODY_POINTS, None],
            peaks,
        )
        trunk_2, trunk_4 = (_by_position(encoding.maps[name]) for name in KEPT_MAPS)
        return cls(
            np.concatenate(parts, axis=1).astype(np.float32),
            encoding.at_points,
            trunk_2,
            trunk_4,
            _view_numbers(view, found.presence),
        )


def _rays(view: VirtualView, crop_px: NDArray[np.floating]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.clip(view.rays(crop_px), -FARTHEST_RAY, FARTHEST_RAY)
    return found


def _view_numbers(view: VirtualView, presence: float) -> F32:
    return np.array([np.log(view.half_tan), presence, np.log(side_px(view))], np.float32)


def side_px(view: VirtualView) -> float:
    """Side of the crop's region in frame pixels."""
    return LANDMARK_SIZE_PX * float(np.sqrt(abs(np.linalg.det(view.frame_from_crop[:, :2]))))


def _by_position(feature_map: F32) -> F32:
    """(channel, height, width) -> (height * width, channel)."""
    return np.ascontiguousarray(feature_map.reshape(len(feature_map), -1).T, np.float32)
