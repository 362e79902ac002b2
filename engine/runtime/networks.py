"""Who opens a backend for each graph of the line: the one place where it is decided what runs a network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from engine.runtime.backend import Backend
from engine.runtime.device import CPU, Device, DeviceError
from engine.runtime.graph_name import SizeWh
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

log = logging.getLogger(__name__)


class Networks(Protocol):
    """Opens a backend per graph; the caller leaves it. `name`: as graphs are called (`engine.runtime.graph_name`)."""

    @property
    def runs_on_cpu(self) -> bool:
        """Whether a graph without a plan runs on this machine's CPU, to which 8 bits are the quickest."""
        ...

    @property
    def warm_up_runs(self) -> int:
        """Runs of one shape after which the next ones take their usual time."""
        ...

    @property
    def in_use(self) -> dict[str, str]:
        """What ran each graph that was opened last, for people: `onnxruntime on cpu`."""
        ...

    @property
    def needs_plans(self) -> bool:
        """Whether a graph without a plan cannot be opened."""
        ...

    def frames_planned(self) -> tuple[SizeWh, ...]:
        """Sizes of frames of which plans of the fused graph lie ready, fitting or not."""
        ...

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:
        """Whether a plan of this graph would be opened. path_of: makes the graph's ONNX file; asked only where a plan
        of such a graph lies ready."""
        ...

    def opened(self, name: str, path: Path, *, threads: int) -> AbstractContextManager[Backend]:
        """A backend for the graph in the ONNX file `path`. threads: of one run, on the CPU."""
        ...


class Choices:
    """Says what runs each graph, each sentence once: `track` opens the line for every file, `bench` several times."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.info("%s", text)


class OnnxRuntimeNetworks:
    """Everything in onnxruntime on the CPU. DeviceError for another device."""

    runs_on_cpu = True
    needs_plans = False
    warm_up_runs = 1

    def __init__(self, device: Device = CPU) -> None:
        if not device.is_cpu:
            raise DeviceError(
                f"onnxruntime runs on the CPU here, not on {device}; use --device cpu, or --backend tensorrt-rtx, "
                f"tensorrt or torch for a GPU"
            )
        self.in_use: dict[str, str] = {}

    def frames_planned(self) -> tuple[SizeWh, ...]:
        return ()

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:  # noqa: ARG002
        return False

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:
        with OnnxRuntimeBackend(path, threads) as backend:
            self.in_use[name] = "onnxruntime on cpu"
            yield backend
