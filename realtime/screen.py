"""The screen, or a region of it, as a grabber."""

from __future__ import annotations

import time
from typing import Any

import cv2
import mss
import numpy as np
from mss.exception import ScreenShotError

from realtime.frame_source import SourceError, SourceOptions
from realtime.live_source import Shot

DEFAULT_RATE_HZ = 30.0
USAGE = "Write `screen`, `screen MONITOR` or `screen MONITOR LEFT TOP WIDTH HEIGHT` in whole pixels, monitors from 0"


class ScreenGrabber:
    """Monitor number `monitor` (from 0), whole or the part `region_ltwh_px` measured from its upper left corner."""

    def __init__(self, monitor: int, region_ltwh_px: tuple[int, int, int, int] | None, options: SourceOptions) -> None:
        self.name = f"screen {monitor}"
        self.rate_hz: float | None = options.capture_rate_hz or DEFAULT_RATE_HZ
        self._monitor = monitor
        self._region_ltwh_px = region_ltwh_px
        self._period_ns = int(1e9 / self.rate_hz)
        self._due_ns = 0
        self._screens: Any = None
        self._area: dict[str, int] = {}

    def open(self) -> Shot:
        """See Grabber.open."""
        try:
            self._screens = (getattr(mss, "MSS", None) or mss.mss)()  # `mss.mss` is its name before 10.2
            monitors = self._screens.monitors[1:]  # the first entry is all monitors together
        except ScreenShotError as error:
            cure = "Start it in a desktop session and set DISPLAY; Wayland needs an X11 session; a server has no screen"
            raise SourceError(f"there is no screen to read: {error}", cure) from error
        self._area = self._checked_area(monitors)
        self._due_ns = 0
        shot = self.grab()
        if shot is None:
            raise SourceError(f"{self.name} cannot be read", "Allow screen recording for the terminal")
        return shot

    def grab(self) -> Shot | None:
        """See Grabber.grab. Waits so that pictures come at the asked rate and no faster."""
        now_ns = time.monotonic_ns()
        time.sleep(max(0, self._due_ns - now_ns) * 1e-9)
        self._due_ns = max(self._due_ns, now_ns) + self._period_ns
        try:
            grabbed = self._screens.grab(self._area)
            captured_ns = time.monotonic_ns()
        except ScreenShotError:
            return None
        image_rgb = cv2.cvtColor(np.asarray(grabbed), cv2.COLOR_BGRA2RGB)
        return Shot(captured_ns, np.asarray(image_rgb, np.uint8))

    def close(self) -> None:
        if self._screens is not None:
            self._screens.close()
        self._screens = None

    def _checked_area(self, monitors: list[dict[str, int]]) -> dict[str, int]:
        if self._monitor >= len(monitors):
            sizes = ", ".join(f"{number}: {m['width']}x{m['height']}" for number, m in enumerate(monitors))
            raise SourceError(f"there is no monitor {self._monitor}", f"Monitors here: {sizes or 'none'}")
        whole = monitors[self._monitor]
        if self._region_ltwh_px is None:
            return {key: whole[key] for key in ("left", "top", "width", "height")}
        left, top, width, height = self._region_ltwh_px
        if left + width > whole["width"] or top + height > whole["height"]:
            cause = f"the region {left} {top} {width} {height} leaves monitor {self._monitor}"
            raise SourceError(cause, f"It is {whole['width']}x{whole['height']} pixels large")
        return {"left": whole["left"] + left, "top": whole["top"] + top, "width": width, "height": height}


def parse_screen(words: list[str], options: SourceOptions) -> ScreenGrabber:
    """From the words after `screen`. Raises SourceError."""
    if len(words) not in (0, 1, 5) or not all(word.isdecimal() for word in words):
        raise SourceError(f"cannot read 'screen {' '.join(words)}'", USAGE)
    numbers = [int(word) for word in words] or [0]
    if len(numbers) == 1:
        return ScreenGrabber(numbers[0], None, options)
    left, top, width, height = numbers[1:]
    if width == 0 or height == 0:
        raise SourceError(f"the region in 'screen {' '.join(words)}' is empty", USAGE)
    return ScreenGrabber(numbers[0], (left, top, width, height), options)
