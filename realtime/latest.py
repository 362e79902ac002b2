"""Freshness beats completeness: a slot between two threads in which the newest value wins."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_NOTES = 64  # notes are rare; a reader that is away for long loses the oldest ones


class Latest(Generic[T]):
    """Holds at most one value that nobody took yet; a newer one replaces it and counts as a drop.

    Notes are kept in their order among the values and are not replaced by them. Any thread may call anything.
    """

    def __init__(self) -> None:
        self._items: deque[tuple[bool, T]] = deque()  # (is it a note, the value or note), oldest first
        self._changed = threading.Condition()
        self._drops = 0
        self._closed = False

    @property
    def drops(self) -> int:
        """Values that were replaced before anybody took them."""
        with self._changed:
            return self._drops

    def put(self, value: T) -> None:
        """Offer the newest value."""
        with self._changed:
            if self._closed:
                return
            waiting = [item for item in self._items if not item[0]]
            for item in waiting:
                self._items.remove(item)
            self._drops += len(waiting)
            self._items.append((False, value))
            self._changed.notify()

    def note(self, note: T) -> None:
        """Leave something that a newer value must not replace."""
        with self._changed:
            if self._closed:
                return
            notes = [item for item in self._items if item[0]]
            if len(notes) >= MOST_NOTES:
                self._items.remove(notes[0])
            self._items.append((True, note))
            self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """Remove and return what came first; None when nothing came within `timeout_s` or after `close`."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._items and not self._closed:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(left_s)
            return self._items.popleft()[1] if self._items else None

    def close(self) -> None:
        """Wake whoever waits and let go of what is held; what comes later is let go as well."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
