"""A GPU and a TensorRT of a few lines, so that what we queue on them can be watched without either.

The GPU's memory is this machine's. Work is queued and done when somebody waits, so outputs that are read too early
are old ones. The library's only network gives y = 2 x + bias.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from inspector_text import IN_DETAIL

from engine.runtime.cuda_error import cuda_error
from engine.runtime.gpu import Gpu
from engine.runtime.plan_card import ParityCard, PlanCard, PrecisionCard, ShapeRange, write_card
from engine.runtime.tensorrt_library import Library

HERE = Gpu("RTX A2000", "8.6")
CONTENT = b"a plan of the fake library"
ROW = 3
"""Numbers per person."""


class FakeQueue:
    """A `GpuQueue`. `log` tells what was asked of it, `room` how many bytes are left."""

    stream = 7

    def __init__(self, index: int = 0, room: int = 1 << 30) -> None:
        self.index, self.room = index, room
        self.log: list[str] = []
        self.is_open = False
        self._memory: list[np.ndarray] = []
        self._queued: list[Callable[[], None]] = []
        self._capture: list[Callable[[], None]] | None = None

    def __enter__(self) -> FakeQueue:
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def claim(self) -> None:
        assert self.is_open

    def memory(self, size: int) -> int:
        if size > self.room:
            raise cuda_error(f"{size} bytes", "CUDA_ERROR_OUT_OF_MEMORY")
        self.room -= size
        self.log.append("memory")
        self._memory.append(np.zeros(size, np.uint8))
        return int(self._memory[-1].ctypes.data)

    def pinned(self, size: int) -> np.ndarray:
        self.log.append("pinned")
        return np.zeros(size, np.uint8)

    def upload(self, target: int, source: np.ndarray) -> None:
        self.add(lambda: ctypes.memmove(target, source.ctypes.data, source.nbytes))

    def download(self, target: np.ndarray, source: int) -> None:
        self.add(lambda: ctypes.memmove(target.ctypes.data, source, target.nbytes))

    def wait(self) -> None:
        queued, self._queued = self._queued, []
        for work in queued:
            work()

    def captured(self, queue: Callable[[], None]) -> list[Callable[[], None]]:
        self.log.append("capture")
        self._capture = []
        try:
            queue()
            return self._capture
        finally:
            self._capture = None

    def replay(self, graph: list[Callable[[], None]]) -> None:
        self.log.append("replay")
        self._queued.extend(graph)

    def drop(self, graph: list[Callable[[], None]]) -> None:
        self.log.append("drop")
        graph.clear()

    def holds(self, address: int) -> bool:
        return self.is_open and any(int(part.ctypes.data) == address for part in self._memory)

    def add(self, work: Callable[[], Any]) -> None:
        (self._queued if self._capture is None else self._capture).append(work)


@dataclass(eq=False)
class FakeContext:
    queue: Callable[[], FakeQueue]
    most: int
    refuses: bool = False
    grows: bool = False
    """Gives outputs of a size that nobody expects."""
    enqueued: int = 0
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    addresses: dict[str, int] = field(default_factory=dict)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = shape
        return not (name == "x" and shape[0] > self.most)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert name == "y"
        return (self.shapes["x"][0] + self.grows, ROW)

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == FakeQueue.stream
        if self.refuses:
            return False
        self.enqueued += 1
        batch = self.shapes["x"][0]
        self.queue().add(lambda: self._computed(batch))
        return True

    def _computed(self, batch: int) -> None:
        def at(name: str, size: int) -> np.ndarray:
            return np.ctypeslib.as_array((ctypes.c_float * size).from_address(self.addresses[name]))

        x, bias, y = at("x", batch * ROW), at("bias", ROW), at("y", batch * ROW)
        y.reshape(batch, ROW)[:] = 2 * x.reshape(batch, ROW) + bias


class FakeInspector:
    """Tells what its library has, and nothing of shapes that it was not given."""

    execution_context: Any = None

    def __init__(self, library: FakeLibrary) -> None:
        self._library = library

    def get_engine_information(self, kind: str) -> str | None:
        assert kind == "json" and self.execution_context is not None
        return self._library.layers


class FakeEngine:
    num_io_tensors = 3

    def __init__(self, library: FakeLibrary) -> None:
        self._library = library

    def get_tensor_name(self, index: int) -> str:
        return ("x", "bias", "y")[index]

    def get_tensor_dtype(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name="FLOAT")

    def get_tensor_mode(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name="OUTPUT" if name == "y" else "INPUT")

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (ROW,) if name == "bias" else (-1, ROW)

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        assert profile == 0
        library = self._library
        return [(ROW,)] * 3 if name == "bias" else [(library.least, ROW), (library.least, ROW), (library.most, ROW)]

    def create_engine_inspector(self) -> FakeInspector:
        return FakeInspector(self._library)

    def create_runtime_config(self) -> SimpleNamespace:
        return SimpleNamespace(cuda_graph_strategy=None)

    def create_execution_context(self, config: SimpleNamespace | None = None) -> FakeContext:
        self._library.config = config
        return self._library.context


@dataclass(eq=False)
class FakeLibrary:
    """Stands for the module `tensorrt`. `says`: why it refuses a plan; None where it takes it."""

    least: int = 1
    most: int = 4
    says: str | None = None
    deserialised: int = 0
    config: SimpleNamespace | None = None
    queues: list[FakeQueue] = field(default_factory=list)
    room: int = 1 << 30
    host_code_allowed: bool = False
    layers: str | None = IN_DETAIL
    """What an inspector tells."""
    LayerInformationFormat = SimpleNamespace(JSON="json")

    def __post_init__(self) -> None:
        self.context = FakeContext(lambda: self.queues[-1], self.most)
        fake = self

        class ILogger:
            ERROR = 1

            def log(self, severity: int, message: str) -> None: ...

        class Runtime:
            engine_host_code_allowed = False

            def __init__(self, logger: ILogger) -> None:
                self._logger = logger

            def deserialize_cuda_engine(self, content: bytes) -> Any:
                fake.deserialised += 1
                fake.host_code_allowed = self.engine_host_code_allowed
                if fake.says is None:
                    return fake.engine_of(content)
                self._logger.log(ILogger.ERROR, fake.says)
                return None

        self.ILogger, self.Runtime = ILogger, Runtime

    def engine_of(self, content: bytes) -> Any:
        assert content == CONTENT
        return FakeEngine(self)

    def queue_of(self, index: int) -> FakeQueue:
        self.queues.append(FakeQueue(index, self.room))
        return self.queues[-1]

    def library(self, name: str = "tensorrt") -> Library:
        if name == "tensorrt-rtx":
            self.CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole")
        return Library(name, "1.7.1.116", self)


def stored_plan(directory: Path, file: str = "landmark.mixed.sm86.plan", **changed: Any) -> Path:
    """A plan for `HERE` with its card; compared on a GPU already unless `parity` says otherwise."""
    plan = directory / file
    directory.mkdir(parents=True, exist_ok=True)
    plan.write_bytes(CONTENT)
    fields: dict[str, Any] = {
        "graph": "landmark",
        "plan_sha256": hashlib.sha256(CONTENT).hexdigest(),
        "onnx_file": "landmark.onnx",
        "onnx_sha256": "ab" * 32,
        "weights": "blazepose",
        "library": "tensorrt",
        "library_version": "1.7.1.116",
        "target": "sm86",
        "gpu": None,
        "shapes": (ShapeRange("x", (1, ROW), (1, ROW), (4, ROW)),),
        "precision": PrecisionCard("mixed", 3, 4, ()),
        "flags": {},
        "cpu_parity": (),
        "parity": (ParityCard("joints", "mm", 0.1, 0.5, 1.0, 10.0, 9),),
    }
    write_card(plan, PlanCard(**(fields | changed)))
    return plan


@contextmanager
def watched(library: FakeLibrary) -> Iterator[FakeContext]:
    """The context, refusing to run inside the block."""
    library.context.refuses = True
    try:
        yield library.context
    finally:
        library.context.refuses = False
