"""How the line is doing: rates, drops, time per stage, and the latency from capture to publication."""

from __future__ import annotations

import time

from realtime.announcements import HealthMessage
from realtime.message import PoseMessage
from realtime.rolling import WINDOW_S, Rolling

MOST_STAGES = 64


class Health:
    """Fed by the loop, asked once a second by `Publisher.beat(health.message)`. One thread at a time."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self.source_state = "running"
        """Set by the loop: running, lost or ended."""
        self.drops = 0
        """Set by the loop while nothing is published; otherwise the last message's."""
        self._window_s = window_s
        self._stages: dict[str, Rolling] = {}
        self._latency_ms = Rolling(window_s)
        self._drops = Rolling(window_s)
        self._persons = 0

    def took(self, name: str, spent_ms: float) -> None:
        """What a stage spent on one frame; ValueError when names are made up without end."""
        if name not in self._stages:
            if len(self._stages) >= MOST_STAGES:
                raise ValueError(f"more than {MOST_STAGES} stages, at {name!r}: a stage name must not vary per frame")
            self._stages[name] = Rolling(self._window_s)
        self._stages[name].add(time.monotonic_ns(), spent_ms)

    def published(self, message: PoseMessage) -> None:
        """What `Publisher.send` returned."""
        self._latency_ms.add(message.published_ns, (message.published_ns - message.captured_ns) * 1e-6)
        self._drops.add(message.published_ns, message.drops)
        self._persons = len(message.persons)
        self.drops = message.drops

    def message(self) -> HealthMessage:
        """The last seconds until now. What the source delivered is what was published and what was dropped."""
        now_ns = time.monotonic_ns()
        published_hz = self._latency_ms.rate_hz(now_ns)
        return HealthMessage(
            window_s=self._window_s,
            captured_hz=published_hz + self._drops.growth_hz(now_ns),
            published_hz=published_hz,
            drops=self.drops,
            persons=self._persons,
            stage_ms={name: stage.percentiles(now_ns) for name, stage in self._stages.items()},
            capture_to_publish_ms=self._latency_ms.percentiles(now_ns),
            source_state=self.source_state,
        )
