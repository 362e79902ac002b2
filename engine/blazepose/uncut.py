"""People who are not cut out of their frame unless somebody wants to see the crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.warp import cut
from engine.body.crop import PersonCrop, Region


@dataclass(frozen=True, slots=True, eq=False)
class UncutPerson:
    """A person's place in a frame; a `SeenPerson`."""

    person_id: int
    frame_rgb: NDArray[np.uint8]
    """(height, width, 3) the whole frame; not copied."""
    region: Region
    crop_size_px: int

    @property
    def image_rgb(self) -> NDArray[np.uint8]:
        """(size, size, 3) as `cut` gives it; cut anew whenever it is asked for."""
        return cut(self.frame_rgb, self.region, self.crop_size_px)[0]

    @property
    def frame_from_crop(self) -> NDArray[np.float64]:
        return self.region.frame_from_crop(self.crop_size_px)


def cut_person(person_id: int, frame_rgb: NDArray[np.uint8], region: Region, crop_size_px: int) -> PersonCrop:
    """The same, cut at once."""
    return PersonCrop(person_id, *cut(frame_rgb, region, crop_size_px))
