"""Cameras, addresses and screens as a source: a capture thread, a slot for the newest frame, and reconnecting."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import SourceError, SourceOptions, event, mirrored, resized
from realtime.latest import Latest
from realtime.worker import Worker

log = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0  # above every time limit of the grabbers; a driver that is slower than this is stuck
CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A picture and the `time.monotonic_ns()` at which the device handed it out."""

    captured_ns: int
    image_rgb: NDArray[np.uint8]


class Grabber(Protocol):
    """A device that hands out pictures. The capture thread alone calls it, over its whole life."""

    @property
    def name(self) -> str: ...

    @property
    def rate_hz(self) -> float | None:
        """Valid once opened."""
        ...

    def open(self) -> Shot:
        """Open and return the first picture. Raises SourceError where there is none; may be called again."""
        ...

    def grab(self) -> Shot | None:
        """Wait for the next picture; None where the device is lost. Should return within seconds."""
        ...

    def close(self) -> None:
        """Free the device; harmless when it is not open."""
        ...


class LiveSource:
    """The newest frame of a device. Frame indices count captured frames, so a gap shows what was dropped.

    When the device is lost, `read` gives a `lost` event and then nothing; the thread opens it again after 0.5 s,
    doubling to 10 s (SourceOptions), and says `found`. Leaving stops the waiting at once. A driver that hangs inside
    a grab cannot be interrupted: after `CLOSE_TIMEOUT_S` its daemon thread is left behind and frees the device when,
    and if, the driver returns.
    """

    live = True
    frame_count: int | None = None

    def __init__(self, grabber: Grabber, options: SourceOptions) -> None:
        self.name = grabber.name
        self.size_wh = (0, 0)
        self.rate_hz: float | None = None
        self._grabber = grabber
        self._options = options
        self._latest: Latest[Frame | SourceEvent | SourceError] = Latest()
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._start_error: SourceError | None = None
        self._worker = Worker(self._run, "capture")
        self._captured = 0
        self._held: Frame | None = None

    @property
    def drops(self) -> int:
        return self._latest.drops

    def __enter__(self) -> Self:
        self._worker.start()
        try:
            if not self._started.wait(START_TIMEOUT_S):
                cause = f"{self.name} gave no picture within {START_TIMEOUT_S:.0f} s"
                raise SourceError(cause, "Unplug and plug it in again, or restart what sends the pictures")
            if self._start_error:
                raise self._start_error
        except BaseException:  # Ctrl-C included: whoever could not enter will not leave either
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, timeout_s: float) -> Frame | SourceEvent | None:
        """See FrameSource.read."""
        held, self._held = self._held, None
        item = held or self._latest.take(timeout_s)
        if isinstance(item, SourceError):
            raise item
        if isinstance(item, Frame) and item.size_wh != self.size_wh:
            change = resized(self.size_wh, item.size_wh)
            self._held, self.size_wh = item, item.size_wh
            return change
        return item

    def _stop(self) -> None:
        self._stopping.set()
        self._latest.close()
        self._held = None
        if not self._worker.wait(CLOSE_TIMEOUT_S):
            log.warning("%s: the driver does not return; its thread is left behind until the process ends", self.name)

    def _run(self) -> None:
        """Body of the capture thread, the only one that touches the grabber."""
        try:
            self._put(self._start())
            self._started.set()
            while not self._stopping.is_set():
                self._stream()
                self._find_again()
        except SourceError as error:
            self._start_error = error
        except Exception as error:
            log.exception("capturing from %s failed", self.name)
            self._start_error = SourceError(f"capturing from {self.name} failed: {error!r}", "Report this with the log")
            self._latest.note(self._start_error)
        finally:
            self._grabber.close()
            self._started.set()

    def _start(self) -> Shot:
        shot = self._grabber.open()
        self.rate_hz = self._grabber.rate_hz
        self.size_wh = (shot.image_rgb.shape[1], shot.image_rgb.shape[0])
        return shot

    def _stream(self) -> None:
        """Until the device is lost or the source is left."""
        while not self._stopping.is_set():
            shot = self._grabber.grab()
            if shot is None:
                return
            self._put(shot)

    def _find_again(self) -> None:
        """Say that the device is lost and try to open it until it is back or the source is left."""
        self._grabber.close()
        if self._stopping.is_set():
            return
        log.warning("%s is lost", self.name)
        self._latest.note(event("lost", f"{self.name} gives no more pictures; trying to open it again"))
        wait_s = self._options.backoff_first_s
        while not self._stopping.wait(wait_s):
            wait_s = min(2 * wait_s, self._options.backoff_max_s)
            try:
                shot = self._grabber.open()
            except SourceError as error:
                log.debug("not back yet: %s", error)
                self._grabber.close()
                continue
            log.info("%s is back", self.name)
            self._latest.note(event("found", f"{self.name} gives pictures again"))
            self._put(shot)
            return

    def _put(self, shot: Shot) -> None:
        image_rgb = mirrored(shot.image_rgb) if self._options.mirror else shot.image_rgb
        self._latest.put(Frame(self._captured, shot.captured_ns, image_rgb))
        self._captured += 1
