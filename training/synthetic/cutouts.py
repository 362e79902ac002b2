"""Flat opaque patches over a finished picture: overlays, stickers on a lens, and what tests of occlusion lay on people.

Random erasing (Z. Zhong et al., "Random Erasing Data Augmentation", AAAI 2020), turned with the frame as crops are, and
more often over the person than beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array

Image = NDArray[np.uint8]

_SPOTS = (3, 9)
"""Cells along the side of a spotted texture."""


@dataclass(frozen=True, slots=True)
class CutoutRange:
    """What patches are drawn from."""

    share: float = 0.0
    """Of pictures that get one."""
    second: float = 0.2
    """Share of these that get another one."""
    side: tuple[float, float] = (0.12, 0.45)
    """Of the picture's side; width and height differ by up to `stretch`."""
    stretch: float = 1.5
    over_joint: float = 0.8
    """Share of patches that lie over a joint of the person."""

    def __post_init__(self) -> None:
        for name in ("share", "second", "over_joint"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share within 0..1, got {getattr(self, name)}")
        if not 0 < self.side[0] <= self.side[1] <= 1 or self.stretch < 1:
            raise ValueError(f"side is a range within 0..1 and stretch at least 1, got {self.side}, {self.stretch}")


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """One patch."""

    picture_from_patch: Array
    """(2, 3) from the unit square to pixels of the picture."""
    texture_rgb: Image
    """(n, n, 3)"""

    def covers(self, points_px: Array) -> NDArray[np.bool_]:
        """(n, 2) pixels of the picture -> (n,)"""
        inside = cv2.invertAffineTransform(self.picture_from_patch)
        unit = points_px @ inside[:, :2].T + inside[:, 2]
        return np.asarray(((unit >= 0) & (unit <= 1)).all(axis=1))

    def laid_on(self, image_rgb: Image) -> Image:
        """A copy of the picture with the patch."""
        size_wh = image_rgb.shape[1::-1]
        cells = len(self.texture_rgb)
        placed = self.picture_from_patch @ np.array(
            [[1 / cells, 0, 0.5 / cells], [0, 1 / cells, 0.5 / cells], [0, 0, 1]]
        )
        texture = cv2.warpAffine(
            self.texture_rgb, placed, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) @ self.picture_from_patch[:, :2].T
        mask = np.zeros(image_rgb.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.round(corners + self.picture_from_patch[:, 2]).astype(np.int32), 255)
        return np.where(mask[..., None] > 0, texture, image_rgb).astype(np.uint8)


def draw_cutouts(
    rng: np.random.Generator, joints_px: Array, *, frame_from_crop: Array, size_px: int, plan: CutoutRange
) -> list[Cutout]:
    """None, one or two patches. joints_px: (17, 2) in the picture; their sides are level in the frame."""
    if rng.random() >= plan.share:
        return []
    count = 1 + int(rng.random() < plan.second)
    return [_drawn(rng, joints_px, frame_from_crop=frame_from_crop, size_px=size_px, plan=plan) for _ in range(count)]


def _drawn(
    rng: np.random.Generator, joints_px: Array, *, frame_from_crop: Array, size_px: int, plan: CutoutRange
) -> Cutout:
    side = size_px * rng.uniform(*plan.side)
    stretch = plan.stretch ** rng.uniform(-0.5, 0.5)
    centre = rng.uniform(0, size_px, 2)
    if rng.random() < plan.over_joint:
        centre = joints_px[rng.integers(len(joints_px))] + rng.uniform(-0.4, 0.4, 2) * side
    (xx, _, _), (yx, _, _) = frame_from_crop
    level = -np.arctan2(yx, xx)
    along = np.array([np.cos(level), np.sin(level)]) * side * stretch
    across = np.array([-np.sin(level), np.cos(level)]) * side / stretch
    return Cutout(np.column_stack([along, across, centre - (along + across) / 2]), _texture(rng))


def _texture(rng: np.random.Generator) -> Image:
    """One colour, or spots of several."""
    colour = rng.integers(0, 256, 3)
    if rng.random() < 0.5:
        return np.broadcast_to(colour, (1, 1, 3)).astype(np.uint8)
    cells = int(rng.integers(*_SPOTS))
    spots = rng.integers(0, 256, (cells, cells, 3))
    return np.asarray(colour + rng.random() * (spots - colour), np.uint8)
