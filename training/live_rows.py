"""Rows that the live model learns from: the numbers of a crop beside its true pose, both in the crop's virtual axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.body.virtual_camera import VirtualView
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.live_numbers import LiveNumbers
from training.synthetic.scene import Crop

F32 = NDArray[np.float32]
F16 = NDArray[np.float16]
_F16_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, eq=False)
class LiveRows:
    """n crops. Arrays may be views of files; do not write into them."""

    points: F32
    """(n, 33, 17) as in `LiveNumbers`."""
    at_points: F16
    """(n, 33, 48)"""
    trunk_2: F16
    """(n, 4, 288)"""
    trunk_4: F16
    """(n, 16, 288)"""
    view: F32
    """(n, 3) as in `LiveNumbers`."""
    joints_mm: F32
    """(n, 17, 3) relative to the pelvis."""
    root_mm: F32
    """(n, 3) the pelvis in the virtual camera."""
    visible: NDArray[np.uint8]
    """(n, 17) 1 where the joint is seen."""

    def __len__(self) -> int:
        return len(self.joints_mm)

    @property
    def true_rays(self) -> F32:
        """(n, 17, 2) where the true joints are seen, in the unit of the points' rays."""
        placed = self.joints_mm + self.root_mm[:, None]
        return (placed[..., :2] / placed[..., 2:] / np.exp(self.view[:, None, :1])).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def stacked(cls, rows: Sequence[dict[str, NDArray[Any]]]) -> Self:
        """Of `row_of`s, in the same order. ValueError for none at all."""
        if not rows:
            raise ValueError("no crops to put together")
        return cls(**{name: np.stack([row[name] for row in rows]) for name in rows[0]})

    @classmethod
    def joined(cls, parts: Sequence[LiveRows]) -> Self:
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )


def row_of(crop: Crop, encoder: BlazePoseEncoder) -> dict[str, NDArray[Any]]:
    """One row by the names of `LiveRows`' fields. ValueError for a crop that is not of the encoder's size."""
    size_px = encoder.crop_size_px
    if crop.image_rgb.shape != (size_px, size_px, 3):
        raise ValueError(f"the landmark network reads {size_px} x {size_px} pixels, got {crop.image_rgb.shape}")
    view = VirtualView.of(crop.camera, crop.frame_from_crop, size_px)
    (encoding,) = encoder.encode(crop.image_rgb[None])
    numbers = LiveNumbers.of(encoding, view)
    return {
        "points": numbers.points,
        "at_points": _half(numbers.at_points),
        "trunk_2": _half(numbers.trunk_2),
        "trunk_4": _half(numbers.trunk_4),
        "view": numbers.view,
        "joints_mm": view.into_view(crop.joints_mm).astype(np.float32),
        "root_mm": view.into_view(crop.root_mm).astype(np.float32),
        "visible": crop.visible.astype(np.uint8),
    }


def _half(values: F32) -> F16:
    """Half precision; what lies beyond its range is put at the end of it."""
    return np.clip(values, -_F16_LARGEST, _F16_LARGEST).astype(np.float16)
