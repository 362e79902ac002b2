"""Crops of persons: the rotated square around a person, and the map between crop and frame pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Region:
    """A rotated square in the full frame that holds one person."""

    centre_px: tuple[float, float]
    size_px: float
    """Side length of the square."""
    angle_rad: float = 0.0
    """Clockwise rotation of the square as seen on screen; 0 = upright person."""

    def __post_init__(self) -> None:
        numbers = (*self.centre_px, self.size_px, self.angle_rad)
        if not all(math.isfinite(number) for number in numbers) or self.size_px <= 0:
            raise ValueError(f"a region needs a finite centre and angle and a positive size, got {numbers}")

    def frame_from_crop(self, crop_size_px: int) -> NDArray[np.float64]:
        """(2, 3) affine map: pixel (centre convention) of a square crop -> pixel of the frame."""
        scale = self.size_px / crop_size_px
        cos, sin = math.cos(self.angle_rad) * scale, math.sin(self.angle_rad) * scale
        linear = np.array([[cos, -sin], [sin, cos]])
        middle = (crop_size_px - 1) / 2
        offset = np.array(self.centre_px) - linear @ np.array([middle, middle])
        return np.concatenate([linear, offset[:, None]], axis=1)

    @property
    def corners_px(self) -> NDArray[np.float64]:
        """(4, 2) corners in the frame: top left, top right, bottom right, bottom left of the crop."""
        unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * self.size_px
        cos, sin = math.cos(self.angle_rad), math.sin(self.angle_rad)
        return unit @ np.array([[cos, sin], [-sin, cos]]) + np.array(self.centre_px)


class SeenPerson(Protocol):
    """A person whose crop can be had: a `PersonCrop`, or somebody who is not cut out of the frame yet."""

    @property
    def person_id(self) -> int: ...

    @property
    def image_rgb(self) -> NDArray[np.uint8]:
        """(height, width, 3) the crop."""
        ...

    @property
    def frame_from_crop(self) -> NDArray[np.float64]:
        """(2, 3) affine map from crop pixels to frame pixels."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PersonCrop:
    """The picture of one person, cut from a frame."""

    person_id: int
    image_rgb: NDArray[np.uint8]
    """(height, width, 3)"""
    frame_from_crop: NDArray[np.float64]
    """(2, 3) affine map from crop pixels to frame pixels."""

    def __post_init__(self) -> None:
        if self.image_rgb.ndim != 3 or self.image_rgb.shape[2] != 3 or self.image_rgb.dtype != np.uint8:
            raise ValueError(f"a crop is (height, width, 3) uint8, got {self.image_rgb.shape} {self.image_rgb.dtype}")
        if self.frame_from_crop.shape != (2, 3):
            raise ValueError(f"frame_from_crop is (2, 3), got {self.frame_from_crop.shape}")


def transformed(points: ArrayLike, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a (2, 3) affine map to (..., 2) points."""
    return np.asarray(points, np.float64) @ affine[:, :2].T + affine[:, 2]


def inverted(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a (2, 3) affine map."""
    linear = np.linalg.inv(affine[:, :2])
    return np.concatenate([linear, -(linear @ affine[:, 2:])], axis=1)
