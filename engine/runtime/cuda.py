"""One NVIDIA GPU: memory, one stream, captured graphs. NVIDIA's own binding of the driver is imported here only."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, NewType, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from engine.runtime.cuda_error import NoDriverError, cuda_error

log = logging.getLogger(__name__)

Address = NewType("Address", int)
"""Of memory on the GPU."""
_NON_BLOCKING_STREAM = 1
_NO_FLAGS = 0


class GpuQueue(Protocol):
    """What a backend needs of a GPU; addresses, arrays and graphs belong to the queue and end with it.

    Enter it before use. One thread at a time, which calls `claim` before anything else.
    """

    @property
    def stream(self) -> int:
        """Handle of the one stream that everything is queued on."""
        ...

    def claim(self) -> None:
        """The GPU becomes that of the calling thread."""
        ...

    def memory(self, size: int) -> Address:
        """So many bytes on the GPU."""
        ...

    def pinned(self, size: int) -> NDArray[np.uint8]:
        """So many bytes of this machine that the GPU reads and writes directly."""
        ...

    def upload(self, target: Address, source: NDArray[np.uint8]) -> None:
        """Queue a copy from pinned bytes to the GPU."""
        ...

    def download(self, target: NDArray[np.uint8], source: Address) -> None:
        """Queue a copy from the GPU to pinned bytes."""
        ...

    def wait(self) -> None:
        """Until everything queued has ended; raises what went wrong in it."""
        ...

    def captured(self, queue: Callable[[], None]) -> Any:
        """What `queue` queues, as a graph, without running it. Capturing ends also where `queue` raises."""
        ...

    def replay(self, graph: Any) -> None:
        """Queue a captured graph."""
        ...

    def drop(self, graph: Any) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class CudaQueue:
    """A `GpuQueue` on GPU number `index`. CudaError and its kinds name cause and cure."""

    def __init__(self, index: int = 0) -> None:
        self._index = index
        self._closing = ExitStack()
        self._driver: Any = None
        self._context: Any = None
        self._stream: Any = None

    @property
    def stream(self) -> int:
        return int(self._stream)

    def __enter__(self) -> Self:
        self._driver = _driver()
        with ExitStack() as opening:
            self._done(f"no NVIDIA GPU can be used ({self._named})", self._driver.cuInit, _NO_FLAGS)
            device = self._done(f"there is no GPU {self._named}", self._driver.cuDeviceGet, self._index)
            self._context = self._done(f"{self._named} cannot be opened", self._driver.cuDevicePrimaryCtxRetain, device)
            opening.callback(self._freed, self._driver.cuDevicePrimaryCtxRelease, device)
            self.claim()
            self._stream = self._done("no stream", self._driver.cuStreamCreate, _NON_BLOCKING_STREAM)
            opening.callback(self._freed, self._driver.cuStreamDestroy, self._stream)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._freed(self._driver.cuCtxSetCurrent, self._context)
        self._closing.close()
        self._stream = None

    def claim(self) -> None:
        self._done(f"{self._named} cannot be used by this thread", self._driver.cuCtxSetCurrent, self._context)

    def memory(self, size: int) -> Address:
        address = self._done(f"{size / 1e6:.1f} MB on {self._named}", self._driver.cuMemAlloc, size)
        self._closing.callback(self._freed, self._driver.cuMemFree, address)
        return Address(int(address))

    def pinned(self, size: int) -> NDArray[np.uint8]:
        address = self._done(f"{size / 1e6:.1f} MB of pinned memory", self._driver.cuMemHostAlloc, size, _NO_FLAGS)
        self._closing.callback(self._freed, self._driver.cuMemFreeHost, address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(int(address)))

    def upload(self, target: Address, source: NDArray[np.uint8]) -> None:
        where = source.ctypes.data
        self._done("copying to the GPU", self._driver.cuMemcpyHtoDAsync, target, where, source.nbytes, self._stream)

    def download(self, target: NDArray[np.uint8], source: Address) -> None:
        where = target.ctypes.data
        self._done("copying from the GPU", self._driver.cuMemcpyDtoHAsync, where, source, target.nbytes, self._stream)

    def wait(self) -> None:
        self._done("running on the GPU", self._driver.cuStreamSynchronize, self._stream)

    def captured(self, queue: Callable[[], None]) -> Any:
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._done("capturing a CUDA graph", self._driver.cuStreamBeginCapture, self._stream, mode)
        with self._unfinished_capture():
            queue()
        graph = self._done("capturing a CUDA graph", self._driver.cuStreamEndCapture, self._stream)
        try:
            return self._done("making a CUDA graph (capture)", self._driver.cuGraphInstantiate, graph, _NO_FLAGS)
        finally:
            self._freed(self._driver.cuGraphDestroy, graph)

    def replay(self, graph: Any) -> None:
        self._done("starting a CUDA graph", self._driver.cuGraphLaunch, graph, self._stream)

    def drop(self, graph: Any) -> None:
        self._freed(self._driver.cuGraphExecDestroy, graph)

    @property
    def _named(self) -> str:
        return f"cuda:{self._index}"

    @contextmanager
    def _unfinished_capture(self) -> Iterator[None]:
        """A stream that stays in capture refuses everything afterwards."""
        try:
            yield
        except BaseException:
            _, graph = self._driver.cuStreamEndCapture(self._stream)
            if graph is not None and int(graph):
                self._freed(self._driver.cuGraphDestroy, graph)
            raise

    def _done(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """The value of a driver call; its error as a CudaError."""
        try:
            code, *values = call(*arguments)
        except RuntimeError as error:  # the binding's own: no driver library, or one without this function
            raise cuda_error(what, str(error)) from error
        if int(code):
            raise cuda_error(what, code.name)
        return values[0] if values else None

    def _freed(self, call: Callable[..., Any], handle: Any) -> None:
        """Nothing may hide the error that ended the work: what cannot be freed is gone with the process."""
        (code,) = call(handle)
        if int(code):
            log.debug("%s: %s", getattr(call, "__name__", call), code.name)


def _driver() -> Any:
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise NoDriverError(
            f"the binding to NVIDIA's driver cannot be imported ({error}); install it: pip install 'di2pose[gpu]' or "
            f"'di2pose[gpu-rtx]'"
        ) from error
    return driver
