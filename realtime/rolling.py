"""Numbers of the last seconds, in bounded memory."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from realtime.announcements import Percentiles

WINDOW_S = 10.0
MOST_VALUES = 4096
"""Ten seconds at 400 Hz; beyond this the oldest values leave before their time."""


class Rolling:
    """Values with the time at which they were measured; those older than the window are forgotten."""

    __slots__ = ("_values", "window_s")

    def __init__(self, window_s: float = WINDOW_S, most_values: int = MOST_VALUES) -> None:
        if window_s <= 0 or most_values < 1:
            raise ValueError(f"a window needs a positive length and room, got {window_s} s and {most_values} values")
        self.window_s = window_s
        self._values: deque[tuple[int, float]] = deque(maxlen=most_values)

    def add(self, at_ns: int, value: float) -> None:
        """Times must not go backwards."""
        self._values.append((at_ns, value))

    def values(self, now_ns: int) -> NDArray[np.float64]:
        """(n,) what was added within the window before `now_ns`, oldest first."""
        self._forget(now_ns)
        return np.array([value for _, value in self._values], np.float64)

    def rate_hz(self, now_ns: int) -> float:
        """Values per second from the oldest in the window until now, so that it sinks while nothing comes."""
        self._forget(now_ns)
        if len(self._values) < 2:
            return 0.0
        return (len(self._values) - 1) / max(1, now_ns - self._values[0][0]) * 1e9

    def growth_hz(self, now_ns: int) -> float:
        """How fast a rising total rose per second, between the oldest and the newest value in the window."""
        self._forget(now_ns)
        if len(self._values) < 2:
            return 0.0
        (from_ns, low), (to_ns, high) = self._values[0], self._values[-1]
        return (high - low) / (to_ns - from_ns) * 1e9 if to_ns > from_ns else 0.0

    def percentiles(self, now_ns: int) -> Percentiles:
        return percentiles(self.values(now_ns))

    def _forget(self, now_ns: int) -> None:
        oldest_ns = now_ns - int(self.window_s * 1e9)
        while self._values and self._values[0][0] < oldest_ns:
            self._values.popleft()


def percentiles(values_ms: NDArray[np.float64]) -> Percentiles:
    """Null while there are no values."""
    if not len(values_ms):
        return Percentiles(count=0)
    p50, p95, p99 = np.percentile(values_ms, (50, 95, 99)).tolist()
    return Percentiles(count=len(values_ms), p50=p50, p95=p95, p99=p99)
