"""The crops of a patch test with the patch at every position, as whole crops that the landmark network can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from engine.body.crop import inverted, transformed
from training.sliding_patch import outside_patch
from training.synthetic.dataset import Dataset
from training.synthetic.opening import TimedSource
from training.synthetic.recipe import Patch
from training.synthetic.scene import CROP_SIZE_PX, Crop
from training.synthetic.stored_source import StoredSource

UNCOVERED = "uncovered"
"""Key of `Crop.about`: seventeen 0 or 1; the protocol scores only joints that the patch does not cover."""


@dataclass(frozen=True, slots=True)
class PatchedOpening:
    """Of a folder whose recipe has a patch; picklable, as workers need it."""

    directory: Path

    @contextmanager
    def __call__(self) -> Iterator[TimedSource]:
        dataset = Dataset.open(self.directory)
        patch = dataset.card.recipe.patch
        assert patch is not None, "the caller asks for sets with a patch only"
        yield PatchedSource(dataset, patch)


class PatchedSource(StoredSource):
    """Crop i has the patch at position i % p of stored crop i // p, where p is the number of positions."""

    def __init__(self, dataset: Dataset, patch: Patch) -> None:
        super().__init__(dataset)
        self._patch = patch
        self._texture = lru_cache(1)(patch.texture)
        self._stored = lru_cache(1)(super().crop)

    def crop(self, index: int) -> Crop:
        size_wh = self._dataset.card.recipe.window_wh or (CROP_SIZE_PX, CROP_SIZE_PX)
        positions = self._patch.positions(size_wh)
        number, position = divmod(index, len(positions))
        crop, corner = self._stored(number), positions[position]
        with self.clock.stage("patch"):
            places_px = transformed(crop.joints_px, inverted(crop.frame_from_crop))
            uncovered = outside_patch(places_px, corner, self._patch.size_px)
            image_rgb = self._patch.laid_on(crop.image_rgb, self._texture(number), corner_px=corner)
            about = {**crop.about, "crop": number, "position": position}
            about[UNCOVERED] = "".join(str(int(value)) for value in uncovered)
            return whole(replace(crop, image_rgb=image_rgb, visible=crop.visible & uncovered, about=about))


def whole(crop: Crop) -> Crop:
    """A window as the middle of a square crop whose rest repeats the window's edge, as beyond a frame."""
    height, width = crop.image_rgb.shape[:2]
    left, top = (CROP_SIZE_PX - width) // 2, (CROP_SIZE_PX - height) // 2
    right, bottom = CROP_SIZE_PX - width - left, CROP_SIZE_PX - height - top
    image_rgb = cv2.copyMakeBorder(crop.image_rgb, top, bottom, left, right, cv2.BORDER_REPLICATE)
    frame_from_crop = crop.frame_from_crop.copy()
    frame_from_crop[:, 2] = transformed((-left, -top), crop.frame_from_crop)
    return replace(crop, image_rgb=np.asarray(image_rgb, np.uint8), frame_from_crop=frame_from_crop)
