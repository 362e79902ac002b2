"""Pictures of crops as training reads them from a directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data_error import DataError
from training.synthetic.scene import CROP_SIZE_PX

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


class CropPictureError(DataError):
    """A directory holds no crops, or a file in it is no picture."""


def crop_pictures(directory: Path) -> Iterator[NDArray[np.uint8]]:
    """(256, 256, 3) RGB of every picture under `directory`, in the order of their paths; other sizes are resized.

    CropPictureError where there is none or one cannot be read.
    """
    paths = sorted(path for path in directory.rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise CropPictureError.of(directory, "*.png", "no pictures of crops", cure="name the directory that holds them")
    for path in paths:
        yield _read(path)


def write_crop(path: Path, image_rgb: NDArray[np.uint8]) -> None:
    """A PNG. CropPictureError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)):
        raise CropPictureError.of(path, "file", "cannot be written", cure="free some space or choose another place")


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise CropPictureError.of(path, "content", "no picture that can be read", cure="delete it or make it again")
    if picture.shape[:2] != (CROP_SIZE_PX, CROP_SIZE_PX):
        picture = cv2.resize(picture, (CROP_SIZE_PX, CROP_SIZE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
