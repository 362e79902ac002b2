"""What a reader has received so far: persons, rate, latency, losses. What `watch` shows and `make demo` prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime.announcements import HealthMessage, Percentiles, StatusMessage
from realtime.codec import Message
from realtime.message import PoseMessage
from realtime.rolling import Rolling
from realtime.subscriber import Reader, Received

SUMMARY_WINDOW_S = 3600.0
SUMMARY_VALUES = 100_000
"""Half an hour at 60 Hz; beyond this a summary speaks of the last ones."""
MOST_IDS = 10_000


@dataclass(frozen=True, slots=True)
class Summary:
    """All that was received, in numbers; latencies in ms, without values when the clocks do not compare."""

    frames: int
    persons: int
    """How many different people."""
    rate_hz: float
    """Between the first frame and the last."""
    source_drops: int
    """Frames that the publisher's source delivered and nobody processed."""
    lost: int
    """Messages that were sent and did not arrive here."""
    malformed: int
    capture_to_receive_ms: Percentiles
    publish_to_receive_ms: Percentiles

    def lines(self) -> list[str]:
        """For people and for scripts, one fact per line."""
        return [
            f"frames received: {self.frames}, {self.rate_hz:.1f} per second",
            f"persons: {self.persons}",
            f"capture-to-receive: {_ms(self.capture_to_receive_ms)}",
            f"publish-to-receive: {_ms(self.publish_to_receive_ms)}",
            f"drops: {self.source_drops} at the source, {self.lost} lost on the way, {self.malformed} malformed",
        ]


@dataclass(slots=True)
class Reception:
    """Fed with every message of one stream. Memory is bounded however long it runs."""

    pose: PoseMessage | None = None
    health: HealthMessage | None = None
    status: StatusMessage | None = None
    frames: int = 0
    last_ns: int | None = None
    """`time.monotonic_ns()` of the last message of any kind."""
    _first_pose_ns: int = 0
    _last_pose_ns: int = 0
    _ids: set[tuple[str, int]] = field(default_factory=set)
    _to_receive_ms: Rolling = field(default_factory=lambda: Rolling(SUMMARY_WINDOW_S, SUMMARY_VALUES))
    _on_the_way_ms: Rolling = field(default_factory=lambda: Rolling(SUMMARY_WINDOW_S, SUMMARY_VALUES))
    _arrivals: Rolling = field(default_factory=Rolling)
    _recent_ms: Rolling = field(default_factory=Rolling)

    def add(self, received: Received[Message]) -> None:
        message = received.message
        self.last_ns = received.received_ns
        if isinstance(message, HealthMessage):
            self.health = message
        elif isinstance(message, StatusMessage):
            self.status = message
        elif isinstance(message, PoseMessage):
            self._add_pose(message, received)

    def rate_hz(self) -> float:
        """Pose messages per second over the last seconds."""
        return self._arrivals.rate_hz(time.monotonic_ns())

    def latency_ms(self) -> Percentiles:
        """Capture to receive over the last seconds."""
        return self._recent_ms.percentiles(time.monotonic_ns())

    def is_silent(self, for_s: float = 2.5) -> bool:
        """Nothing came for so long: a publisher that lives sends at least every second."""
        return self.last_ns is None or time.monotonic_ns() - self.last_ns > for_s * 1e9

    def summary(self, reader: Reader[Message]) -> Summary:
        """Everything so far; `reader` is where the messages came from."""
        now_ns = time.monotonic_ns()
        return Summary(
            frames=self.frames,
            persons=len(self._ids),
            rate_hz=self._mean_rate_hz(),
            source_drops=0 if self.pose is None else self.pose.drops,
            lost=reader.lost,
            malformed=reader.malformed,
            capture_to_receive_ms=self._to_receive_ms.percentiles(now_ns),
            publish_to_receive_ms=self._on_the_way_ms.percentiles(now_ns),
        )

    def _mean_rate_hz(self) -> float:
        spent_s = (self._last_pose_ns - self._first_pose_ns) * 1e-9
        return (self.frames - 1) / spent_s if spent_s > 0 else 0.0

    def _add_pose(self, message: PoseMessage, received: Received[Message]) -> None:
        at_ns = received.received_ns
        self.pose = message
        self.frames += 1
        self._first_pose_ns = self._first_pose_ns or at_ns
        self._last_pose_ns = at_ns
        self._arrivals.add(at_ns, 1.0)
        if len(self._ids) < MOST_IDS:
            self._ids.update((message.session_id, person.id) for person in message.persons)
        captured_ms, published_ms = received.since_ms(message.captured_ns), received.since_ms(message.published_ns)
        if captured_ms is not None and published_ms is not None:
            self._to_receive_ms.add(at_ns, captured_ms)
            self._recent_ms.add(at_ns, captured_ms)
            self._on_the_way_ms.add(at_ns, published_ms)


def _ms(times: Percentiles) -> str:
    if times.p50 is None:
        return "unknown (no frame, or the publisher runs on another clock)"
    return f"p50 {times.p50:.2f} ms, p95 {times.p95:.2f} ms, p99 {times.p99:.2f} ms over {times.count} frames"


def listened(
    reader: Reader[Message], *, frames: int | None = None, seconds: float | None = None, tick_s: float = 0.25
) -> Iterator[Received[Message] | None]:
    """Every message, and None whenever none came for `tick_s`; ends after so many frames or so much time."""
    until_ns = None if seconds is None else time.monotonic_ns() + int(seconds * 1e9)
    while frames is None or frames > 0:
        left_s = tick_s if until_ns is None else (until_ns - time.monotonic_ns()) * 1e-9
        if left_s <= 0:
            return
        received = reader.read(min(tick_s, left_s))
        if frames is not None and received is not None and isinstance(received.message, PoseMessage):
            frames -= 1
        yield received
