"""What a device keeps between draws: the least recently used goes first when the room is full."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Releasable(Protocol):
    """Something on a device that is freed by hand."""

    @property
    def held_bytes(self) -> int: ...

    def release(self) -> None: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Releasable)


class Kept(Generic[K, V]):
    """Things by key, after `trim` at most `limit_bytes` of them; the newest stays even where it alone is larger."""

    def __init__(self, limit_bytes: int) -> None:
        if limit_bytes <= 0:
            raise ValueError(f"room for things on the device must be positive, got {limit_bytes} bytes")
        self._limit_bytes = limit_bytes
        self._things: OrderedDict[K, V] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: K, make: Callable[[], V], *, fits: Callable[[V], bool]) -> V:
        """What is kept under `key`, made anew where there is none or where it no longer `fits`."""
        found = self._things.get(key)
        if found is not None and fits(found):
            self._things.move_to_end(key)
            return found
        if found is not None:
            self._drop(key)
        made = make()
        self._things[key] = made
        self.held_bytes += made.held_bytes
        return made

    def trim(self) -> None:
        """Free what exceeds the limit; apart from `get`, so that nothing goes while one picture is being drawn."""
        while self.held_bytes > self._limit_bytes and len(self._things) > 1:
            self._drop(next(iter(self._things)))

    def clear(self) -> None:
        while self._things:
            self._drop(next(iter(self._things)))

    def _drop(self, key: K) -> None:
        thing = self._things.pop(key)
        self.held_bytes -= thing.held_bytes
        thing.release()
