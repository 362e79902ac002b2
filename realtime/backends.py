"""The choice of what runs the networks, by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.runtime.device import CPU, FIRST_GPU, Device
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from engine.runtime.plan_choice import PlanShelf, engines_dir
from engine.runtime.plan_networks import AutoNetworks, PlanNetworks
from engine.runtime.tensorrt_library import LIBRARIES
from engine.runtime.triton_backend import TritonServer
from engine.runtime.triton_networks import TritonNetworks
from realtime.config import ConfigError
from realtime.gpu_gate import gate_on_demo

TRITON = "triton"
BACKENDS = ("auto", "onnxruntime", "torch", *LIBRARIES, TRITON)
"""The first is the default."""


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """device: None is the CPU for onnxruntime and torch, the first GPU for plans. engines: where plans lie."""

    backend: str = BACKENDS[0]
    device: Device | None = None
    engines: Path | None = None
    cuda_graphs: bool = True
    triton_address: str | None = None
    """HOST:PORT of the server's gRPC endpoint; with backend `triton` and no other."""

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ConfigError(f"there is no backend {self.backend!r}; choose among {', '.join(BACKENDS)}")
        if (self.backend == TRITON) != (self.triton_address is not None):
            raise ConfigError("--backend triton and --triton-url HOST:PORT go together; give both or neither")

    def networks(
        self,
        torch: Callable[[Device], Networks],
        *,
        gpu_of: Callable[[int], Gpu | None] = gpu_here,
    ) -> Networks:
        """torch: makes its networks for a device; the live line itself knows no torch.

        DeviceError where the backend does not run on the device. Plans are looked at when a graph is opened.
        """
        if self.backend == "torch":
            return torch(self.device or CPU)
        if self.backend == "onnxruntime":
            return OnnxRuntimeNetworks(self.device or CPU)
        if self.triton_address is not None:
            return TritonNetworks(TritonServer(self.triton_address))
        if self.backend == "auto":
            return self._auto(gpu_of)
        return self._plans((self.backend,), gpu_of)

    def _auto(self, gpu_of: Callable[[int], Gpu | None]) -> AutoNetworks:
        device = self.device or FIRST_GPU
        if device.gpu is None:
            return AutoNetworks(None, "--device cpu was asked for")
        if gpu_of(device.gpu) is None:
            return AutoNetworks(None, f"no NVIDIA GPU {device} is usable here")
        return AutoNetworks(self._plans(LIBRARIES, gpu_of))

    def _plans(self, libraries: tuple[str, ...], gpu_of: Callable[[int], Gpu | None]) -> PlanNetworks:
        return PlanNetworks(
            PlanShelf(self.engines or engines_dir(), libraries),
            self.device or FIRST_GPU,
            gate=gate_on_demo,
            cuda_graphs=self.cuda_graphs,
            gpu_of=gpu_of,
        )
