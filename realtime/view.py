"""A window with the picture and the skeletons, where there is a display."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import cv2

from realtime.frame import Frame
from realtime.overlay import drawn
from realtime.person import TrackedPerson

_TITLE = "di2pose live (q or Esc ends)"
_LARGEST_PX = 960
_END_KEYS = (ord("q"), 27)


def why_no_window() -> str | None:
    """What keeps a window from opening, for a person; None where one can be opened."""
    toolkit = re.search(r"GUI:\s+(\S+)", cv2.getBuildInformation())
    if toolkit is None or toolkit.group(1) == "NONE":
        return "this OpenCV was built without windows (opencv-python-headless)"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    return None


class Viewer:
    """One window; open while the context lasts. Main thread only."""

    def __init__(self) -> None:
        self.closed = False
        """The user closed the window or pressed q or Esc."""
        self._size_wh = (0, 0)

    def __enter__(self) -> Self:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cv2.destroyAllWindows()

    def show(self, frame: Frame, people: Sequence[TrackedPerson]) -> None:
        """Draw the frame with everybody in it, and look at the keyboard."""
        if self._size_wh != frame.size_wh:
            self._fit(frame.size_wh)
        picture = drawn(frame.image_rgb, people)
        cv2.imshow(_TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        gone = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1
        self.closed = self.closed or gone or key in _END_KEYS

    def _fit(self, size_wh: tuple[int, int]) -> None:
        """The window takes the picture's shape, and its size where the screen will hold it."""
        self._size_wh = size_wh
        scale = min(1.0, _LARGEST_PX / max(size_wh))
        cv2.resizeWindow(_TITLE, round(size_wh[0] * scale), round(size_wh[1] * scale))
