"""Single pictures as a recording: the images of a directory or glob, in natural order."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.file_source import Picture, ended
from realtime.frame import SourceEvent
from realtime.frame_source import SourceError, event

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


class ImageFiles:
    """The images at `paths`, one after another at `rate_hz`; a file that cannot be read is skipped and named.

    A skipped file leaves its gap in media time, so that time stays tied to the numbering of the files.
    """

    def __init__(self, paths: Sequence[Path], name: str, *, rate_hz: float) -> None:
        self.name = name
        self.rate_hz: float | None = rate_hz
        self.frame_count: int | None = len(paths)
        self._paths = tuple(paths)
        self._period_s = 1.0 / rate_hz

    def pictures(self) -> Generator[Picture | SourceEvent]:
        """See Recording.pictures."""
        decoded = 0
        for number, path in enumerate(self._paths):
            try:
                image_rgb = read_image_rgb(path)
            except SourceError as error:
                yield event("skipped", str(error))
            else:
                decoded += 1
                yield Picture(image_rgb, number * self._period_s)
        if decoded == 0:
            first = f"the first is {self._paths[0]}" if self._paths else "there are none"
            raise SourceError(
                f"{self.name}: none of {len(self._paths)} images can be read ({first})", "Check that they are images"
            )
        yield ended(f"{self.name}: end after {decoded} of {len(self._paths)} images")


def read_image_rgb(path: Path) -> NDArray[np.uint8]:
    """(height, width, 3), turned upright as EXIF asks. Raises SourceError naming the file."""
    try:
        # Decoding from memory keeps names in any alphabet working on every system.
        image_bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", "Check the name and your rights") from error
    except cv2.error as error:
        raise SourceError(f"{path} is empty or too large to decode", "Replace or remove it") from error
    if image_bgr is None:
        raise SourceError(f"{path} is no readable image: damaged, cut off or of another format", "Replace or remove it")
    return np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB), np.uint8)


def images_of(paths: Sequence[Path]) -> list[Path]:
    """Those that look like images, sorted the way people count: 2.jpg before 10.jpg."""
    return sorted((path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()), key=_by_number)


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    pieces = re.split(r"([0-9]+)", str(path).casefold())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece]
