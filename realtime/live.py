"""The loop of the live line: source -> people -> stream, until the source ends or somebody says stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from realtime.announcements import StatusMessage
from realtime.frame import Frame, SourceEvent
from realtime.frame_source import FrameSource
from realtime.health import Health
from realtime.message import LineFacts, PoseMessage
from realtime.parts import LiveParts
from realtime.publisher import Publisher
from realtime.view import Viewer

log = logging.getLogger(__name__)

_PATIENCE_S = 0.2
"""How long the loop waits for a frame before it looks after its other duties (health once a second, stop)."""
_STATE_AFTER = {"lost": "lost", "found": "running", "ended": "ended"}


class LiveLoop:
    """Runs in the thread that calls `run`; every part is open and belongs to the caller."""

    def __init__(
        self, *, source: FrameSource, parts: LiveParts, publisher: Publisher, viewer: Viewer | None, facts: LineFacts
    ) -> None:
        self._source = source
        self._parts = parts
        self._publisher = publisher
        self._viewer = viewer
        self._facts = facts
        self.health = Health()
        """Rates and times of the last seconds."""
        self.frames = 0
        """Frames published so far."""

    def run(self, stop: threading.Event, *, max_frames: int | None = None) -> None:
        """Until `stop` is set, the source has ended, the viewer was closed or `max_frames` were published."""
        while not stop.is_set() and (max_frames is None or self.frames < max_frames):
            match self._source.read(_PATIENCE_S):
                case Frame() as frame:
                    self._frame(frame)
                case SourceEvent() as event:
                    self._event(event)
                    if event.kind == "ended":
                        return
            self.health.drops = self._source.drops
            self._publisher.beat(self.health.message)
            if self._viewer is not None and self._viewer.closed:
                return

    def _frame(self, frame: Frame) -> None:
        people = self._parts.line.people(frame)
        clock = self._parts.clock
        with clock.stage("publish"):
            message = PoseMessage.of(
                frame,
                people,
                camera=self._parts.camera_of(frame.size_wh),
                line=self._facts,
                drops=self._source.drops,
            )
            self.health.published(self._publisher.send(message))
        if self._viewer is not None:
            with clock.stage("view"):
                self._viewer.show(frame, people)
        for stage, spent_ms in clock.take().items():
            self.health.took(stage, spent_ms)
        self.frames += 1

    def _event(self, event: SourceEvent) -> None:
        log.log(logging.WARNING if event.kind in ("lost", "skipped") else logging.INFO, "%s", event.text)
        self.health.source_state = _STATE_AFTER.get(event.kind, self.health.source_state)
        self._parts.line.react(event)
        self._publisher.send(StatusMessage.of(event))


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that the loop ends between two frames. Main thread only."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        log.info("stopping (%s)", signal.Signals(number).name)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
