"""An opaque square over one joint of the person: how an estimator bears what it cannot see.

The side is that of 3DPW-AdvOcc's larger patch (80 pixels of a 256 pixel crop, see `training/sliding_patch.py`), here as
a share of the longer side of the person's box. Joint and colour are drawn anew for every frame, the same for the same
view, moment and seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

PATCH_SHARE = 80 / 256


@dataclass(frozen=True, slots=True)
class Patch:
    """A square in pixels of the frame; parts outside of it are cut off."""

    left_px: int
    top_px: int
    side_px: int
    colour_rgb: tuple[int, int, int]

    def laid_over(self, image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of the picture with the patch on it."""
        covered = image_rgb.copy()
        top, left = max(self.top_px, 0), max(self.left_px, 0)
        covered[top : max(self.top_px + self.side_px, 0), left : max(self.left_px + self.side_px, 0)] = self.colour_rgb
        return covered


def choose_patch(joints_px: F64, box_points_px: F64, *, rng: np.random.Generator) -> Patch | None:
    """Over one of `joints_px` (n, 2), sized by the box around `box_points_px` (m, 2); None where either is empty."""
    if not len(joints_px) or not len(box_points_px):
        return None
    side = max(1, round(PATCH_SHARE * float(np.ptp(box_points_px, axis=0).max())))
    middle = joints_px[rng.integers(len(joints_px))]
    red, green, blue = rng.integers(0, 256, 3).tolist()
    left, top = np.round(middle - (side - 1) / 2).astype(int).tolist()
    return Patch(left, top, side, (red, green, blue))


def inside(points_px: F64, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """(...,) whether each point (..., 2) lies in the picture."""
    return np.asarray(((points_px >= 0) & (points_px <= np.array(size_wh) - 1)).all(axis=-1))
