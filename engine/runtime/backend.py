"""What runs a network, whatever the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class BackendError(RuntimeError):
    """A network cannot be loaded or run; the text names the file, the cause and the cure."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    name: str
    shape: tuple[int | str, ...]
    """A string names a dynamic axis."""
    dtype: str


class Backend(Protocol):
    """One loaded network. Enter it before `run`; leaving frees its memory. One thread at a time."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...]: ...

    @property
    def outputs(self) -> tuple[TensorInfo, ...]: ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Outputs by name; they are valid until the next `run`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
