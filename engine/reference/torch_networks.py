"""The graphs of the line as torch modules: BlazePose's from their own description, the live model from its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.blazepose.networks import (
    DETECTOR_OUTPUTS,
    DETECTOR_SIZE_PX,
    FULL,
    HEAVY,
    INPUT_NAME,
    LANDMARK_OUTPUTS,
    LANDMARK_SIZE_PX,
    detector_graph,
    landmark_graph,
)
from engine.model.blazepose_torch import BlazePoseNetwork
from engine.model.live_onnx import INPUT_SHAPES, INPUTS, OUTPUTS
from engine.model.live_pose import load_live_pose
from engine.reference.torch_backend import TorchBackend, check_available
from engine.runtime.backend import Backend, BackendError, TensorInfo
from engine.runtime.blazepose_encoder import needed_outputs
from engine.runtime.device import Device
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.graph_name import FUSED, LANDMARK_FULL, SizeWh, kind_of
from engine.runtime.networks import Choices

_SHIPPED = "di2pose"


class TorchNetworks:
    """Every graph run by torch on one device. NoDriverError or NoGpuError where torch cannot use it."""

    runs_on_cpu = False
    """Its landmark network is in single precision wherever it runs."""
    needs_plans = False

    def __init__(self, device: Device, *, cuda_graphs: bool = True) -> None:
        check_available(device)
        self._device, self._cuda_graphs = device, cuda_graphs
        self.in_use: dict[str, str] = {}
        self._choices = Choices()

    @property
    def warm_up_runs(self) -> int:
        """On a GPU a plain one, the capture of a graph, a replay."""
        return 1 if self._device.is_cpu else 3

    def frames_planned(self) -> tuple[SizeWh, ...]:
        return ()

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:  # noqa: ARG002
        return False

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:
        """threads: of all of torch in this process.

        BackendError for a live model of one's own, an ONNX file, and for `fused`, which is ONNX operations alone.
        """
        torch.set_num_threads(threads)
        with self._backend(name, path) as backend:
            self.in_use[name] = f"torch on {self._device}"
            self._choices.say(f"{name}: {self.in_use[name]}")
            yield backend

    def _backend(self, name: str, path: Path) -> TorchBackend:
        if name == "detector":
            return self._blazepose(name, BlazePoseNetwork(detector_graph()), DETECTOR_SIZE_PX, tuple(DETECTOR_OUTPUTS))
        if name == "landmark":
            outputs = (*LANDMARK_OUTPUTS, *needed_outputs())
            network = BlazePoseNetwork(landmark_graph(HEAVY, outputs=outputs))
            return self._blazepose(name, network, LANDMARK_SIZE_PX, outputs)
        if name == LANDMARK_FULL:
            network = BlazePoseNetwork(landmark_graph(FULL))
            return self._blazepose(name, network, LANDMARK_SIZE_PX, tuple(LANDMARK_OUTPUTS))
        if kind_of(name) == FUSED:
            raise BackendError(
                "torch has no fused graph: between its two networks stand ONNX operations of ours, which torch cannot "
                "run. Open landmark and live instead, which give the same poses, or use --backend onnxruntime"
            )
        if path != shipped_graph():
            raise BackendError(
                f"torch runs the live model that is shipped, not the ONNX file {path}; use --backend onnxruntime for it"
            )
        pose = load_live_pose(_SHIPPED)
        inputs = [TensorInfo(name, ("batch", *INPUT_SHAPES[name]), "float32") for name in INPUTS[:-1]]
        inputs.append(TensorInfo(INPUTS[-1], pose.noise_shape, "float32"))
        return TorchBackend(
            name, pose, inputs=inputs, outputs=OUTPUTS, device=self._device, cuda_graphs=self._cuda_graphs
        )

    def _blazepose(self, name: str, network: BlazePoseNetwork, side_px: int, outputs: tuple[str, ...]) -> TorchBackend:
        image = TensorInfo(INPUT_NAME, ("batch", side_px, side_px, 3), "float32")
        return TorchBackend(
            name, network, inputs=[image], outputs=outputs, device=self._device, cuda_graphs=self._cuda_graphs
        )
