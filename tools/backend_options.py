"""Options of every command that runs networks: what runs them, where, and on which engines."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.runtime.device import Device, parse_device
from engine.runtime.networks import Networks
from realtime.backends import BackendChoice


class BackendName(StrEnum):
    AUTO = "auto"
    ONNXRUNTIME = "onnxruntime"
    TORCH = "torch"
    TENSORRT = "tensorrt"
    RTX = "tensorrt-rtx"
    TRITON = "triton"


DEFAULT_BACKEND = BackendName.AUTO

BackendOption = Annotated[
    BackendName, typer.Option(help="What runs the networks; auto: built engines where they fit, else onnxruntime.")
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda:N; default: cpu, and cuda:0 for engines.")]
EnginesOption = Annotated[
    Path | None, typer.Option(help="Directory with engines of `di2pose build`; default: where it puts them.")
]
TritonOption = Annotated[str | None, typer.Option(help="HOST:PORT of a Triton server, with --backend triton.")]
CudaGraphsOption = Annotated[bool, typer.Option(help="On a GPU: replay runs of equal shape as one CUDA graph.")]


def networks_asked(
    backend: BackendName,
    device: str | None,
    engines: Path | None,
    *,
    cuda_graphs: bool,
    triton_url: str | None = None,
) -> Networks:
    """DeviceError for a device that is none, or that the backend does not run on; ConfigError where options do not go
    together."""

    def torch_networks(chosen: Device) -> Networks:
        from engine.reference.torch_networks import TorchNetworks  # torch costs seconds

        return TorchNetworks(chosen, cuda_graphs=cuda_graphs)

    where = None if device is None else parse_device(device)
    choice = BackendChoice(str(backend), where, engines, cuda_graphs=cuda_graphs, triton_address=triton_url)
    return choice.networks(torch_networks)
