"""A `Backend` on a torch module."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.runtime.backend import Arrays, BackendError, TensorInfo
from engine.runtime.cuda_error import GpuMemoryError, NoDriverError, NoGpuError
from engine.runtime.device import Device
from engine.runtime.graph_policy import GraphPolicy, Step
from engine.runtime.tensor_check import check_inputs

log = logging.getLogger(__name__)


class TorchBackend:
    """Runs `module`, which takes the inputs in their order and gives a dict, or a tuple in the order of `outputs`.

    In single precision, TF32 off: it is the reference. A string in a shape is an open axis, the first one. On a GPU
    runs of one shape in a row are replayed as one CUDA graph (`GraphPolicy`). Output arrays are fresh for every run.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        *,
        inputs: Sequence[TensorInfo],
        outputs: Sequence[str],
        device: Device,
        cuda_graphs: bool = True,
    ) -> None:
        self._name, self._module, self._device = name, module, device
        self._inputs, self._output_names = tuple(inputs), tuple(outputs)
        self._outputs: tuple[TensorInfo, ...] = ()
        self._policy = GraphPolicy(enabled=cuda_graphs and not device.is_cpu)
        self._captured: _Captured | None = None
        self._is_open = False

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        self._check_open()
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        self._check_open()
        return self._outputs

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """BackendError names the input that is missing, unknown or of a wrong shape or type."""
        self._check_open()
        check_inputs(self._name, self._inputs, inputs)
        shape = tuple(inputs[info.name].shape for info in self._inputs)
        step = self._policy.step(shape)
        try:
            with torch.inference_mode():
                found = self._stepped(step, inputs)
                made = {name: found[name].cpu().numpy().copy() for name in self._output_names}
        except torch.cuda.OutOfMemoryError as error:
            self._failed()
            raise GpuMemoryError(
                f"{self._name}: {self._device} has no memory left ({error}). Cure: end other programs on the GPU"
            ) from error
        except RuntimeError as error:
            self._failed()
            raise BackendError(
                f"{self._name} could not be run by torch on {self._device}: {error}. Start again with "
                f"--no-cuda-graphs, or choose --backend onnxruntime"
            ) from error
        self._policy.succeeded(step, shape)
        return made

    def __enter__(self) -> Self:
        check_available(self._device)
        if not self._device.is_cpu:
            torch.backends.cudnn.allow_tf32 = False
        try:
            self._module.eval().requires_grad_(requires_grad=False).to(str(self._device))
        except torch.cuda.OutOfMemoryError as error:
            raise GpuMemoryError(f"{self._name} does not fit on {self._device} ({error}). Cure: end others") from error
        self._is_open = True
        example = {info.name: np.zeros(_sizes_of_one(info), info.dtype) for info in self._inputs}
        batched = any(isinstance(size, str) for info in self._inputs for size in info.shape)
        self._outputs = tuple(
            TensorInfo(name, ("batch", *array.shape[1:]) if batched else array.shape, str(array.dtype))
            for name, array in self.run(example).items()
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed()
        self._is_open = False

    def _stepped(self, step: Step, inputs: Arrays) -> Mapping[str, Tensor]:
        if step is Step.ENQUEUE:
            self._captured = None
            return self._named(self._module(*(_there(inputs[i.name], self._device) for i in self._inputs)))
        if step is Step.CAPTURE or self._captured is None:
            self._captured = _Captured.of(self, inputs)
        return self._captured.replayed(inputs)

    def _named(self, found: Any) -> Mapping[str, Tensor]:
        return found if isinstance(found, dict) else dict(zip(self._output_names, found, strict=True))

    def _failed(self) -> None:
        self._policy.failed()
        self._captured = None

    def _check_open(self) -> None:
        if not self._is_open:
            raise BackendError(f"{self._name} is not loaded; use the backend in a 'with' block")


class _Captured:
    """A CUDA graph with the tensors that it reads and writes."""

    def __init__(self, graph: Any, given: dict[str, Tensor], found: Mapping[str, Tensor]) -> None:
        self._graph, self._given, self._found = graph, given, found

    @classmethod
    def of(cls, backend: TorchBackend, inputs: Arrays) -> _Captured:
        given = {info.name: _there(inputs[info.name], backend._device) for info in backend._inputs}
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(str(backend._device)), torch.cuda.graph(graph):
            found = backend._named(backend._module(*given.values()))
        return cls(graph, given, found)

    def replayed(self, inputs: Arrays) -> Mapping[str, Tensor]:
        for name, tensor in self._given.items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(inputs[name])))
        self._graph.replay()
        return self._found


def check_available(device: Device) -> None:
    """NoDriverError or NoGpuError where this torch cannot use the device."""
    if device.gpu is None:
        return
    if not torch.cuda.is_available():
        raise NoDriverError(
            f"torch {torch.__version__} cannot use {device}: it has no CUDA in it or there is no NVIDIA driver. Cure: "
            f"install a CUDA build of torch (its install page says how) and check nvidia-smi, or use --device cpu"
        )
    if device.gpu >= torch.cuda.device_count():
        raise NoGpuError(f"there is no {device}, torch sees {torch.cuda.device_count()} GPUs; choose another --device")


def _there(array: NDArray[Any], device: Device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(str(device))


def _sizes_of_one(info: TensorInfo) -> tuple[int, ...]:
    return tuple(1 if isinstance(size, str) else size for size in info.shape)
