"""The opaque patch of the sliding-patch protocol; where it stands is `training.sliding_patch`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.surfaces import draw_texture, patch_of

Image = NDArray[np.uint8]


def patch_texture(seed: int = 0, *, photographs: Sequence[Image] = ()) -> Image:
    """(96, 96, 3) sRGB: a piece of a photograph, or a drawn surface where there is none; the same for the same seed."""
    rng = np.random.default_rng([seed, 40, 80])
    if photographs:
        return patch_of(rng, photographs[int(rng.integers(len(photographs)))])
    return np.ascontiguousarray(draw_texture(rng)[..., :3])


def patched(image_rgb: Image, corner_px: NDArray[np.integer], patch_px: int, texture_rgb: Image) -> Image:
    """A copy of the (height, width, 3) picture with the whole texture on the square at `corner_px` (x, y).

    What reaches past the picture is cut off. ValueError where the square misses the picture or has no size.
    """
    height, width = image_rgb.shape[:2]
    x, y = (int(value) for value in corner_px)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + patch_px, width), min(y + patch_px, height)
    if patch_px < 1 or left >= right or top >= bottom:
        raise ValueError(f"a patch of {patch_px} px at {(x, y)} covers nothing of a picture of {(width, height)}")
    patch = cv2.resize(texture_rgb, (patch_px, patch_px), interpolation=cv2.INTER_AREA)
    covered = image_rgb.copy()
    covered[top:bottom, left:right] = np.asarray(patch, np.uint8)[top - y : bottom - y, left - x : right - x]
    return covered
