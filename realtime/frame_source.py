"""What the line asks of a source of pictures, whether camera, file, address or screen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frame import Frame, SourceEvent


class SourceError(Exception):
    """A source that cannot be used: `cause` says what is wrong, `cure` what the user can do about it."""

    def __init__(self, cause: str, cure: str) -> None:
        super().__init__(f"{cause}. {cure}")
        self.cause = cause
        self.cure = cure


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Wishes that hold for any source; each kind takes what concerns it. Raises ValueError on senseless values."""

    loop: bool = False
    """Files: start again at the end; frame index and media time keep rising."""
    pace: Literal["media", "max"] = "media"
    """Files: at the file's own rate, or as fast as they are read."""
    mirror: bool = False
    """Swap left and right in the picture, as a mirror does."""
    capture_size_wh: tuple[int, int] | None = None
    """Cameras: the size to ask for; the camera may give another."""
    capture_rate_hz: float | None = None
    """Cameras and screen: the rate to ask for; None leaves a camera's own rate and gives 30 for the screen."""
    image_rate_hz: float = 30.0
    """Image directories and globs: pictures per second of media time."""
    open_timeout_s: float = 5.0
    """Live sources: how long an address may take to answer before it counts as absent."""
    read_timeout_s: float = 5.0
    """Live sources: how long an address may stay silent before it counts as lost."""
    backoff_first_s: float = 0.5
    backoff_max_s: float = 10.0
    """A lost source is opened again after `backoff_first_s`, doubling up to `backoff_max_s`."""

    def __post_init__(self) -> None:
        if self.pace not in ("media", "max"):
            raise ValueError(f"pace must be 'media' or 'max', got {self.pace!r}")
        if self.capture_size_wh is not None and min(self.capture_size_wh) <= 0:
            raise ValueError(f"capture_size_wh must be positive, got {self.capture_size_wh}")
        positive = {
            "capture_rate_hz": 1.0 if self.capture_rate_hz is None else self.capture_rate_hz,
            "image_rate_hz": self.image_rate_hz,
            "open_timeout_s": self.open_timeout_s,
            "read_timeout_s": self.read_timeout_s,
            "backoff_first_s": self.backoff_first_s,
        }
        for name, value in positive.items():
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError(f"backoff_max_s ({self.backoff_max_s}) is below backoff_first_s ({self.backoff_first_s})")


class FrameSource(Protocol):
    """Context manager: entering opens (raises SourceError), leaving frees everything. Used once, by one thread."""

    @property
    def live(self) -> bool:
        """True where pictures come by themselves and the newest wins; False where every frame is handed on."""
        ...

    @property
    def name(self) -> str:
        """For people and messages; carries no password."""
        ...

    @property
    def size_wh(self) -> tuple[int, int]:
        """Size of the pictures now; valid once entered; a change is announced by a `resized` event."""
        ...

    @property
    def rate_hz(self) -> float | None:
        """Nominal pictures per second; None where the source does not say."""
        ...

    @property
    def frame_count(self) -> int | None:
        """Frames in one round of a file, as its container says; None for live sources and where it does not say."""
        ...

    @property
    def drops(self) -> int:
        """Frames captured since the start that nobody read in time; 0 for files."""
        ...

    def read(self, timeout_s: float) -> Frame | SourceEvent | None:
        """The next frame or event; None when nothing came within `timeout_s` and after the one `ended` event.

        Raises SourceError where the source fails for good.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def event(kind: Literal["lost", "found", "resized", "looped", "ended", "skipped"], text: str) -> SourceEvent:
    """A SourceEvent of this moment."""
    return SourceEvent(kind, text, time.monotonic_ns())


def resized(old_wh: tuple[int, int], new_wh: tuple[int, int]) -> SourceEvent:
    return event("resized", f"the picture changed from {old_wh[0]}x{old_wh[1]} to {new_wh[0]}x{new_wh[1]}")


def mirrored(image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy with left and right swapped."""
    return np.asarray(cv2.flip(image_rgb, 1), np.uint8)
