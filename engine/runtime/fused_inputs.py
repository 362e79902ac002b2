"""What the fused graph (`engine.build.fused`) is told of each crop's place and camera, beside its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.body.crop import transformed
from engine.body.virtual_camera import VirtualView
from engine.runtime.live_numbers import side_px

F32 = NDArray[np.float32]

CROPS = "crops"
"""(batch, 256, 256, 3) bytes"""
FRAME, PLACE_PARTS = "frame", "place_parts"
"""Instead of crops: (1, height, width, 3) bytes of a whole picture, and (batch, 2, 2, 256) `warp.place_parts`."""
FLAT_FROM_CROP, DISTORTION, VIEW_FROM_CAMERA, LOG_SIZES = (
    "flat_from_crop",
    "distortion",
    "view_from_camera",
    "log_sizes",
)
POINTS_PX, WORLD_M, VISIBILITY, PRESENCE = "points_px", "world_m", "visibility", "presence"
"""Outputs beside the live model's own: `CropLandmarks` of every crop."""
_NO_REACH = 1e9
"""Stands for no limit; infinity times nothing is no number."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewNumbers:
    """One crop's virtual camera; arrays of its own."""

    NAMES: ClassVar[tuple[str, ...]] = (FLAT_FROM_CROP, DISTORTION, VIEW_FROM_CAMERA, LOG_SIZES)

    flat_from_crop: F32
    """(2, 3) map from halves of the crop's side, counted from its middle, to where the lens shows it at z = 1."""
    distortion: F32
    """(6,) the five terms of `Camera` and the radius up to which they are used."""
    view_from_camera: F32
    """(3, 3) `VirtualView.rotation`."""
    log_sizes: F32
    """(2,) logarithms of the half angle's tangent and of the region's side in frame pixels."""

    @classmethod
    def stacked(cls, views: Sequence[VirtualView]) -> dict[str, F32]:
        """Inputs of the graph by name, one row per view."""
        numbers = [cls.of(view) for view in views]
        return {name: np.stack([getattr(row, name) for row in numbers]) for name in cls.NAMES}

    @classmethod
    def of(cls, view: VirtualView) -> ViewNumbers:
        camera, half = view.camera, LANDMARK_SIZE_PX / 2
        middle_px = transformed(np.full(2, half - 0.5), view.frame_from_crop)
        offset = (middle_px - camera.centre_px) / camera.focal_px
        linear = view.frame_from_crop[:, :2] * half / np.array(camera.focal_px)[:, None]
        return cls(
            np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32),
            np.array([*camera.distortion, min(camera.reach, _NO_REACH)], np.float32),
            view.rotation.astype(np.float32),
            np.log([view.half_tan, side_px(view)]).astype(np.float32),
        )
