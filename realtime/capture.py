"""The only place that opens `cv2.VideoCapture`: cameras, addresses and video files."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

PLAUSIBLE_RATE_HZ = (0.5, 1000.0)  # containers without a rate report 0, NaN or their clock's 90000
OPENCV_LOG: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved get/setLogLevel there
LOG_LEVEL_SILENT = 0


class Capture:
    """An opened `cv2.VideoCapture`; one thread at a time. `is_open` is False where opening failed."""

    def __init__(self, target: int | str, backend: int, wishes: dict[int, int] | None = None) -> None:
        """`wishes`: properties that must be known while opening, such as time limits."""
        with _quiet():
            parameters = [number for pair in (wishes or {}).items() for number in pair]
            self._capture: Any = cv2.VideoCapture(target, backend, parameters)

    @property
    def is_open(self) -> bool:
        return bool(self._capture.isOpened())

    @property
    def rate_hz(self) -> float | None:
        rate_hz = float(self._capture.get(cv2.CAP_PROP_FPS))
        return rate_hz if PLAUSIBLE_RATE_HZ[0] <= rate_hz <= PLAUSIBLE_RATE_HZ[1] else None

    @property
    def frame_count(self) -> int | None:
        """As the container says it; None for streams and where it does not say."""
        count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return int(count) if 0 < count < 1e9 else None

    @property
    def position_s(self) -> float:
        """Presentation time of the picture grabbed last, as the container says it."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) * 1e-3

    @property
    def backend_name(self) -> str:
        return str(self._capture.getBackendName()) if self.is_open else ""

    def wish(self, property_id: int, value: float) -> bool:
        """Ask the device for a setting; False where it does not take it, which is no error."""
        return bool(self._capture.set(property_id, value))

    def grab(self) -> bool:
        """Wait for the next picture; False where none came."""
        return bool(self._capture.grab())

    def picture_rgb(self) -> NDArray[np.uint8] | None:
        """The picture grabbed last, (height, width, 3), owned by the caller; None where it cannot be decoded."""
        try:
            ok, image_bgr = self._capture.retrieve()
            if not ok or image_bgr is None or image_bgr.size == 0:
                return None
            code = cv2.COLOR_GRAY2RGB if image_bgr.ndim == 2 else cv2.COLOR_BGR2RGB
            return np.asarray(cv2.cvtColor(image_bgr, code), np.uint8)
        except cv2.error as error:
            log.debug("a grabbed picture could not be decoded: %s", error)
            return None

    def close(self) -> None:
        self._capture.release()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV's and FFmpeg's own complaints off the terminal while opening: ours name cause and cure.

    FFmpeg's level is read once per process from the environment; a user's own setting is respected.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    level = OPENCV_LOG.getLogLevel()
    OPENCV_LOG.setLogLevel(LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        OPENCV_LOG.setLogLevel(level)
