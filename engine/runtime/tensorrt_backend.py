"""Running a TensorRT plan, of `tensorrt` or of `tensorrt-rtx`, on one GPU."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.runtime.backend import Arrays, BackendError, TensorInfo
from engine.runtime.cuda import Address, CudaQueue, GpuQueue
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.graph_policy import GraphPolicy, Step
from engine.runtime.layer_types import LayerTypes, layer_types
from engine.runtime.plan_card import PlanCard, PlanError
from engine.runtime.plan_layout import PlanLayout, PlanTensor
from engine.runtime.preflight import check_plan
from engine.runtime.tensorrt_engine import Engine, captures_itself, layers_told, opened_engine
from engine.runtime.tensorrt_library import Library

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Buffer:
    tensor: PlanTensor
    on_gpu: Address
    here: NDArray[np.uint8]

    def bytes_for(self, batch: int) -> NDArray[np.uint8]:
        return self.here[: self.tensor.bytes_for(batch)]

    def array(self, batch: int) -> NDArray[Any]:
        return self.bytes_for(batch).view(self.tensor.dtype).reshape(self.tensor.sizes(batch))


class TensorRtBackend:
    """A `Backend` on a plan. Entering checks the plan, then loads it and allocates all memory that runs will need.

    onnx_sha256: of the graph that the plan must stand for; None asks for none. cuda_graphs: replay the work of a run
    as one CUDA graph where runs of one shape follow each other (`GraphPolicy`). gpu_of and queue_of: where GPUs come
    from; tests give others.

    `run` takes any batch: what exceeds the plan's largest goes in several runs. Its outputs lie in memory of the
    backend: they are valid until the next run and not after leaving. PlanError, CudaError, BackendError with cause and
    cure. After a failed run nothing old is replayed: the next one starts afresh.
    """

    def __init__(
        self,
        plan: Path,
        library: Library,
        *,
        gpu: int = 0,
        onnx_sha256: str | None = None,
        cuda_graphs: bool = True,
        gpu_of: Callable[[int], Gpu | None] = gpu_here,
        queue_of: Callable[[int], GpuQueue] = CudaQueue,
    ) -> None:
        self._plan, self._library, self._gpu = plan, library, gpu
        self._onnx_sha256 = onnx_sha256
        self._cuda_graphs = cuda_graphs
        self._gpu_of, self._queue_of = gpu_of, queue_of
        self._run: _PlanRun | None = None
        self._closing = ExitStack()
        self._card: PlanCard | None = None

    @property
    def card(self) -> PlanCard:
        """Of the loaded plan."""
        self._loaded()
        assert self._card is not None
        return self._card

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        return tuple(tensor.info() for tensor in self._loaded().layout.inputs)

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        return tuple(tensor.info() for tensor in self._loaded().layout.outputs)

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        return self._loaded().outputs_of(inputs)

    def layer_types(self) -> LayerTypes:
        """What the loaded plan computes with, by the library's inspector. InspectionError where it does not tell."""
        return layer_types(self._loaded().layers_told(self._library))

    def __enter__(self) -> Self:
        card = check_plan(self._plan, self._library, gpu=self._gpu_of(self._gpu), onnx_sha256=self._onnx_sha256)
        content = _checked_bytes(self._plan, card)
        with ExitStack() as opening:
            queue = opening.enter_context(self._queue_of(self._gpu))
            engine = opened_engine(
                self._library,
                content,
                self._plan,
                cuda_graphs=self._cuda_graphs,
                carries_runtime="--versionCompatible" in card.flags,
            )
            self._run = _PlanRun(
                self._plan,
                engine,
                queue,
                policy=GraphPolicy(enabled=self._cuda_graphs and not captures_itself(self._library)),
            )
            opening.callback(self._left)
            self._card = card
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def _left(self) -> None:
        """The library's objects go before the GPU's context that they live in."""
        if self._run is not None:
            self._run.close()
        self._run = None

    def _loaded(self) -> _PlanRun:
        if self._run is None:
            raise BackendError(f"{self._plan.name} is not loaded; use the backend in a 'with' block")
        return self._run


class _PlanRun:
    """A loaded plan with its buffers."""

    def __init__(self, plan: Path, engine: Engine, queue: GpuQueue, *, policy: GraphPolicy) -> None:
        self._engine: Engine | None = engine
        self._queue, self._policy = queue, policy
        self.layout = PlanLayout.of(plan.name, engine.tensors)
        sizes = {tensor.name: tensor.bytes_for(self.layout.most) for tensor in engine.tensors}
        self._buffers = {
            tensor.name: _Buffer(tensor, queue.memory(sizes[tensor.name]), queue.pinned(sizes[tensor.name]))
            for tensor in engine.tensors
        }
        for name, buffer in self._buffers.items():
            if not engine.context.set_tensor_address(name, buffer.on_gpu):
                raise BackendError(f"{plan.name}: no memory can be bound to {name!r}: {engine.words.taken()}")
        self._batch: int | None = None
        self._graph: Any = None

    def outputs_of(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        self._queue.claim()
        parts = list(self.layout.parts(self.layout.batch_of(inputs)))
        if len(parts) == 1:
            return self._part(inputs, parts[0])
        made = [{name: array.copy() for name, array in self._part(inputs, part).items()} for part in parts]
        return {
            tensor.name: np.concatenate([each[tensor.name] for each in made])
            if tensor.is_batched
            else made[-1][tensor.name]
            for tensor in self.layout.outputs
        }

    def layers_told(self, library: Library) -> str:
        """For the group that ran last, else for the smallest one."""
        self._queue.claim()
        self._fitted(self._batch or self.layout.least)
        return layers_told(library, self._loaded())

    def close(self) -> None:
        self._drop_graph()
        self._engine = None

    def _part(self, inputs: Arrays, part: slice) -> dict[str, NDArray[Any]]:
        batch = part.stop - part.start
        for tensor in self.layout.inputs:
            given = inputs[tensor.name]
            np.copyto(self._buffers[tensor.name].array(batch), given[part] if tensor.is_batched else given)
        try:
            self._fitted(batch)
            step = self._policy.step(batch)
            self._stepped(step, batch)
            self._queue.wait()
        except BaseException:
            self._policy.failed()
            self._drop_graph()
            self._batch = None
            raise
        self._policy.succeeded(step, batch)
        return {tensor.name: self._buffers[tensor.name].array(batch) for tensor in self.layout.outputs}

    def _fitted(self, batch: int) -> None:
        """The context learns the sizes of this batch, and must agree with ours about the outputs."""
        if batch == self._batch:
            return
        engine = self._loaded()
        for tensor in self.layout.inputs:
            if not engine.context.set_input_shape(tensor.name, tensor.sizes(batch)):
                raise self._refusal(f"refuses {tensor.sizes(batch)} for {tensor.name!r}")
        for tensor in self.layout.outputs:
            found = tuple(int(size) for size in engine.context.get_tensor_shape(tensor.name))
            if found != tensor.sizes(batch):
                raise self._refusal(f"gives {found} for {tensor.name!r}, {tensor.sizes(batch)} was expected")
        self._batch = batch

    def _stepped(self, step: Step, batch: int) -> None:
        if step is Step.ENQUEUE:
            self._drop_graph()
            self._queued(batch)
            return
        if step is Step.CAPTURE:
            self._drop_graph()
            self._graph = self._queue.captured(lambda: self._queued(batch))
        self._queue.replay(self._graph)

    def _queued(self, batch: int) -> None:
        engine = self._loaded()
        for tensor in self.layout.inputs:
            buffer = self._buffers[tensor.name]
            self._queue.upload(buffer.on_gpu, buffer.bytes_for(batch))
        if not engine.context.execute_async_v3(self._queue.stream):
            raise self._refusal(f"refuses to run {batch} persons")
        for tensor in self.layout.outputs:
            buffer = self._buffers[tensor.name]
            self._queue.download(buffer.bytes_for(batch), buffer.on_gpu)

    def _drop_graph(self) -> None:
        if self._graph is not None:
            self._queue.drop(self._graph)
            self._graph = None

    def _refusal(self, what: str) -> BackendError:
        return BackendError(
            f"{self.layout.plan}: the library {what}: {self._loaded().words.taken()}. Start again with "
            f"--no-cuda-graphs; if it comes back, build the plan again or choose --backend onnxruntime"
        )

    def _loaded(self) -> Engine:
        assert self._engine is not None, "a closed plan is not run"
        return self._engine


def _checked_bytes(plan: Path, card: PlanCard) -> bytes:
    """The bytes that were checked are those that are loaded, whoever writes to the file meanwhile."""
    content = plan.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.plan_sha256:
        raise PlanError(f"{plan} was changed while it was being loaded; start again")
    return content
