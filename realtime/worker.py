"""A thread that holds a decoder or a device, and how it is brought to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

STEP_S = 0.01


class Worker:
    """Runs `work` in a daemon thread, which must see for itself that it shall stop."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, timeout_s: float, *, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """True once the work has ended, False where it goes on after `timeout_s`; calls `meanwhile` while waiting.

        A thread that still frees its decoder while the interpreter ends takes the process down with it (SIGABRT). So
        a second Ctrl-C does not cut the waiting short; it is raised afterwards. `Thread.join` cannot be used for this:
        in Python 3.11 and 3.12 an interrupted join takes the thread for ended (bpo-45274).
        """
        deadline_s = time.monotonic() + timeout_s
        interrupted: KeyboardInterrupt | None = None
        while not self._ended.is_set() and time.monotonic() < deadline_s:
            try:
                meanwhile()
                self._ended.wait(STEP_S)
            except KeyboardInterrupt as again:
                interrupted = again
        if interrupted:
            raise interrupted
        if self._ended.is_set():
            self._thread.join()  # only the interpreter's own bookkeeping is left
        return self._ended.is_set()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()
