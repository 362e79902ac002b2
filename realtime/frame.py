"""One picture on its way through the line, and what a source says when it has no picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    index: int
    """0-based over all frames that the source decoded; keeps rising when a file is looped."""
    captured_ns: int
    """`time.monotonic_ns()` at birth: when the camera handed the picture out, or a file's frame was handed on."""
    image_rgb: NDArray[np.uint8]
    """(height, width, 3); owned by the frame, nobody writes into it."""
    media_time_s: float | None = None
    """Time in the file; None for cameras."""

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.image_rgb.shape[1], self.image_rgb.shape[0]

    @property
    def time_s(self) -> float:
        """The clock that smoothing and tracks use: media time for files, capture time for cameras."""
        return self.captured_ns * 1e-9 if self.media_time_s is None else self.media_time_s


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Something happened to the source; published as a `status` message."""

    kind: Literal["lost", "found", "resized", "looped", "ended", "skipped"]
    text: str
    """For a person: what happened and, where there is one, what to do."""
    at_ns: int = field(default=0)
    """`time.monotonic_ns()` of the event."""
