"""When to capture a CUDA graph and when to replay it. Pure: knows of shapes and of what succeeded, of no GPU."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto


class Step(Enum):
    ENQUEUE = auto()
    """Run plainly. The first run with a shape is always this: libraries prepare themselves in it, which cannot be
    captured (https://github.com/NVIDIA/TensorRT/issues/2603)."""
    CAPTURE = auto()
    """Capture what is queued, then run the graph."""
    REPLAY = auto()
    """Run the graph that was captured last."""


class GraphPolicy:
    """Ask `step` before a run, say `succeeded` after it, or `failed`.

    A graph is captured on the second run in a row with one shape and replayed until the shape changes. So people who
    come and go in every other frame cost no capture, and a replay always has the shape that was captured.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._last: Hashable | None = None
        self._captured: Hashable | None = None

    def step(self, shape: Hashable) -> Step:
        if not self._enabled or shape != self._last:
            return Step.ENQUEUE
        return Step.REPLAY if shape == self._captured else Step.CAPTURE

    def succeeded(self, step: Step, shape: Hashable) -> None:
        self._last = shape
        if step is not Step.REPLAY:
            self._captured = shape if step is Step.CAPTURE else None

    def failed(self) -> None:
        """Whatever was captured may be stale: the next run is a plain one."""
        self._last = self._captured = None
