"""Plans of the real graphs for the fake GPU: a plan's content is the path of its ONNX file, which onnxruntime runs."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
from fake_gpu import HERE, FakeInspector, FakeLibrary, stored_plan

from engine.blazepose.cache import sha256_of
from engine.runtime.device import FIRST_GPU
from engine.runtime.plan_card import ShapeRange
from engine.runtime.plan_choice import PlanShelf
from engine.runtime.plan_networks import Gate, PlanNetworks

MOST = 4


class OnnxEngine:
    """An engine and its context in one."""

    def __init__(self, path: Path, library: OnnxLibrary) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._library = library
        self._inputs = {entry.name: _open(entry.shape) for entry in self._session.get_inputs()}
        self._outputs = {entry.name: _open(entry.shape) for entry in self._session.get_outputs()}
        self._names = [*self._inputs, *self._outputs]
        self._bytes = {entry.name for entry in self._session.get_inputs() if entry.type == "tensor(uint8)"}
        self._addresses: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.num_io_tensors = len(self._names)

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_dtype(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name="UINT8" if name in self._bytes else "FLOAT")

    def get_tensor_mode(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name="INPUT" if name in self._inputs else "OUTPUT")

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        """Of an engine with open axes, until shapes are set: then it is the context's answer."""
        shape = (self._inputs | self._outputs)[name]
        return _sized(shape, self._batch()) if self._shapes else shape

    def get_tensor_profile_shape(self, name: str, _: int) -> list[tuple[int, ...]]:
        return [_sized(self._inputs[name], size) for size in (1, 1, MOST)]

    def create_engine_inspector(self) -> FakeInspector:
        return FakeInspector(self._library)

    def create_execution_context(self) -> OnnxEngine:
        return self

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name] = shape
        return True

    def execute_async_v3(self, stream: int) -> bool:
        batch = self._batch()
        self._library.runs.append(batch)
        self._library.queue_at(self._addresses).add(lambda: self._computed(batch))
        return True

    def _computed(self, batch: int) -> None:
        given = {name: self._array(name, _sized(shape, batch)) for name, shape in self._inputs.items()}
        for name, value in zip(self._outputs, self._session.run(list(self._outputs), given), strict=True):
            self._array(name, value.shape)[...] = value

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape))
        kind = ctypes.c_uint8 if name in self._bytes else ctypes.c_float
        return np.ctypeslib.as_array((kind * size).from_address(self._addresses[name])).reshape(shape)

    def _batch(self) -> int:
        return next(shape[0] for name, shape in self._shapes.items() if self._inputs[name][0] == -1)


@dataclass(eq=False)
class OnnxLibrary(FakeLibrary):
    runs: list[int] = field(default_factory=list)
    """Batches of every run that was queued on the GPU plainly or while capturing."""

    def engine_of(self, content: bytes) -> Any:
        return OnnxEngine(Path(content.decode()), self)

    def queue_at(self, addresses: Mapping[str, int]) -> Any:
        """Several plans are loaded at once, each with a queue of its own."""
        address = next(iter(addresses.values()))
        return next(queue for queue in self.queues if queue.holds(address))


def stored_plan_of(graph: str, path: Path, directory: Path) -> Path:
    content = str(path).encode()
    plan = stored_plan(
        directory,
        f"{graph}.fp32.sm86.plan",
        graph=graph,
        plan_sha256=hashlib.sha256(content).hexdigest(),
        onnx_sha256=sha256_of(path),
        shapes=(ShapeRange("x", (1,), (1,), (MOST,)),),
        parity="pending",
    )
    plan.write_bytes(content)
    return plan


def networks_on(directory: Path, library: OnnxLibrary, gate: Gate) -> PlanNetworks:
    shelf = PlanShelf(directory, ("tensorrt",), library.library)
    return PlanNetworks(shelf, FIRST_GPU, gate=gate, gpu_of=lambda _: HERE, queue_of=library.queue_of)


def _open(shape: list[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in shape)


def _sized(shape: tuple[int, ...], batch: int) -> tuple[int, ...]:
    return tuple(batch if size == -1 else size for size in shape)
