"""How long each stage of the line took for the frame in hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Adds up the time of each named stage until `take` hands the sums out and starts anew. One thread."""

    def __init__(self) -> None:
        self._spent_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts the time inside the block; a stage may be entered several times, but not inside itself."""
        begun_ns = time.perf_counter_ns()
        try:
            yield
        finally:
            spent_ms = (time.perf_counter_ns() - begun_ns) * 1e-6
            self._spent_ms[name] = self._spent_ms.get(name, 0.0) + spent_ms

    def take(self) -> dict[str, float]:
        """Milliseconds per stage since the last call."""
        spent_ms, self._spent_ms = self._spent_ms, {}
        return spent_ms
