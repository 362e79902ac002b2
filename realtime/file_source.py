"""Recordings as a source: every frame, in order, decoded ahead of the reader."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import SourceError, SourceOptions, event, mirrored, resized
from realtime.worker import Worker

log = logging.getLogger(__name__)

DECODED_AHEAD = 3  # enough to overlap decoding with inference; 3 pictures of 1080p are 19 MB
CLOSE_TIMEOUT_S = 2.0
DEFAULT_RATE_HZ = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture of a recording; `media_time_s` counts from the start of the round."""

    image_rgb: NDArray[np.uint8]
    media_time_s: float


class Recording(Protocol):
    """Something that can be played from the start any number of times."""

    @property
    def name(self) -> str: ...

    @property
    def rate_hz(self) -> float | None:
        """Valid once a round gave its first picture; so is `frame_count`."""
        ...

    @property
    def frame_count(self) -> int | None: ...

    def pictures(self) -> Generator[Picture | SourceEvent]:
        """One round: pictures with strictly rising times, `skipped` events, and one `ended` event last.

        Raises SourceError when the round gives no picture at all. Closing the iterator frees the file.
        """
        ...


Item = Picture | SourceEvent | SourceError


class FileSource:
    """Plays a recording: a thread decodes up to `DECODED_AHEAD` pictures ahead, `read` hands them on when due.

    `captured_ns` is the moment of handing on. With pace `media` a frame is due at the time of the first one plus its
    media time; a late reader gets the next frame at once and none is dropped.
    """

    live = False
    drops = 0

    def __init__(self, recording: Recording, options: SourceOptions) -> None:
        self.name = recording.name
        self.size_wh = (0, 0)
        self.rate_hz: float | None = None
        self.frame_count: int | None = None
        self._recording = recording
        self._options = options
        self._ready: queue.Queue[Item] = queue.Queue(DECODED_AHEAD)
        self._stopping = threading.Event()
        self._worker: Worker | None = None
        self._held: Picture | None = None
        self._finished = False
        self._index = 0
        self._first_due_ns: int | None = None

    def __enter__(self) -> Self:
        first_round = self._recording.pictures()
        before: list[Picture | SourceEvent] = []
        for item in first_round:
            before.append(item)
            if isinstance(item, Picture):
                self.size_wh = (item.image_rgb.shape[1], item.image_rgb.shape[0])
                break
        self.rate_hz, self.frame_count = self._recording.rate_hz, self._recording.frame_count
        self._worker = Worker(partial(self._decode, before, first_round), "decode")
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._worker:
            # A decoder that waits for room must find it to see that it shall stop.
            self._worker.wait(CLOSE_TIMEOUT_S, meanwhile=partial(_empty, self._ready))
        _empty(self._ready)
        self._held = None

    def read(self, timeout_s: float) -> Frame | SourceEvent | None:
        """See FrameSource.read."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        if self._held is None:
            item = self._next_item(timeout_s)
            if not isinstance(item, Picture):
                return item
            self._held = item
        size_wh = (self._held.image_rgb.shape[1], self._held.image_rgb.shape[0])
        if size_wh != self.size_wh:
            change, self.size_wh = resized(self.size_wh, size_wh), size_wh
            return change
        return self._hand_on(self._held) if self._wait_until_due(self._held, deadline_ns) else None

    def _next_item(self, timeout_s: float) -> Picture | SourceEvent | None:
        if self._finished:
            return None
        try:
            item = self._ready.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None
        if isinstance(item, SourceError):
            self._finished = True
            raise item
        self._finished = isinstance(item, SourceEvent) and item.kind == "ended"
        return item

    def _wait_until_due(self, picture: Picture, deadline_ns: int) -> bool:
        """True once the picture may be handed on; False when the deadline came first."""
        if self._options.pace == "max":
            return True
        now_ns = time.monotonic_ns()
        media_ns = int(picture.media_time_s * 1e9)
        if self._first_due_ns is None:
            self._first_due_ns = now_ns - media_ns
        due_ns = self._first_due_ns + media_ns
        if min(due_ns, deadline_ns) > now_ns:
            self._stopping.wait((min(due_ns, deadline_ns) - now_ns) * 1e-9)
        return due_ns <= deadline_ns or due_ns <= now_ns

    def _hand_on(self, picture: Picture) -> Frame:
        frame = Frame(self._index, time.monotonic_ns(), picture.image_rgb, picture.media_time_s)
        self._index += 1
        self._held = None
        return frame

    def _decode(self, before: list[Picture | SourceEvent], rest: Generator[Picture | SourceEvent]) -> None:
        """Body of the decoding thread: whatever goes wrong reaches the reader."""
        try:
            with closing(rest), closing(self._rounds(itertools.chain(before, rest))) as items:
                for item in items:
                    self._ready.put(item)
                    if self._stopping.is_set():
                        return
        except SourceError as error:
            self._ready.put(error)
        except Exception as error:
            log.exception("decoding %s failed", self.name)
            self._ready.put(SourceError(f"decoding {self.name} failed: {error!r}", "Report this with the log"))

    def _rounds(self, first_round: Iterator[Picture | SourceEvent]) -> Generator[Picture | SourceEvent]:
        """One round, or with `loop` round after round with media time going on."""
        last_s = yield from self._round(first_round, 0.0)
        while self._options.loop:
            start_s = last_s + 1.0 / (self.rate_hz or DEFAULT_RATE_HZ)
            with closing(self._recording.pictures()) as items:
                last_s = yield from self._round(items, start_s)

    def _round(
        self, items: Iterator[Picture | SourceEvent], start_s: float
    ) -> Generator[Picture | SourceEvent, None, float]:
        """Returns the media time of the last picture."""
        last_s = start_s
        for item in items:
            if isinstance(item, Picture):
                last_s = start_s + item.media_time_s
                yield Picture(mirrored(item.image_rgb) if self._options.mirror else item.image_rgb, last_s)
            elif item.kind == "ended" and self._options.loop:
                yield replace(item, kind="looped", text=f"{item.text}; starting again")
            else:
                yield item
        return last_s


def _empty(items: queue.Queue[Item]) -> None:
    while True:
        try:
            items.get_nowait()
        except queue.Empty:
            return


def ended(text: str) -> SourceEvent:
    """The last word of a round."""
    return event("ended", text)
