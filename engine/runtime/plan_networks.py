"""Graphs run as TensorRT plans: where one fits, or only so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from engine.runtime.backend import Backend, BackendError
from engine.runtime.cuda import CudaQueue, GpuQueue
from engine.runtime.cuda_error import NoGpuError
from engine.runtime.device import Device, DeviceError
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.graph_name import SizeWh, frame_of
from engine.runtime.networks import Choices, OnnxRuntimeNetworks
from engine.runtime.plan_card import PlanCard, PlanError, PlanParityError
from engine.runtime.plan_choice import ChosenPlan, GraphAsked, NoPlanError, PlanShelf
from engine.runtime.plan_inspection import with_layer_types
from engine.runtime.tensorrt_backend import TensorRtBackend

log = logging.getLogger(__name__)

Gate = Callable[[Backend, ChosenPlan, Path], PlanCard]
"""(loaded plan, what it is, fp32 graph) -> its card with what the comparison on this GPU gave, kept for later."""
_WARM_UP_RUNS = 3
"""A plain one, the capture of a graph, a replay."""


class PlanNetworks:
    """Every graph as a plan from the shelf; PlanError or BackendError where that cannot be.

    A plan that was not yet compared on a GPU is put through `gate` before anything else uses it.
    """

    runs_on_cpu = False
    needs_plans = True
    warm_up_runs = _WARM_UP_RUNS

    def __init__(
        self,
        shelf: PlanShelf,
        device: Device,
        *,
        gate: Gate,
        cuda_graphs: bool = True,
        gpu_of: Callable[[int], Gpu | None] = gpu_here,
        queue_of: Callable[[int], GpuQueue] = CudaQueue,
    ) -> None:
        if device.gpu is None:
            raise DeviceError(f"{' and '.join(shelf.libraries)} run on an NVIDIA GPU, not on {device}; use cuda:0")
        self._shelf, self._index = shelf, device.gpu
        self._gate, self._cuda_graphs = gate, cuda_graphs
        self._gpu_of, self._queue_of = gpu_of, queue_of
        self._choices = Choices()
        self.in_use: dict[str, str] = {}

    def frames_planned(self) -> tuple[SizeWh, ...]:
        sizes = () if self._gpu_of(self._index) is None else map(frame_of, self._shelf.graphs())
        return tuple(sorted(size for size in sizes if size is not None))

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:
        """Says why where a plan of such a graph is there and does not fit."""
        gpu = self._gpu_of(self._index)
        if gpu is None or name not in self._shelf.graphs():
            return False
        try:
            self._shelf.chosen(GraphAsked(name, path_of()), gpu)
        except NoPlanError as error:
            self._choices.say(f"{name}: not used ({error.reason})")
            return False
        return True

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:  # noqa: ARG002
        gpu = self._gpu_of(self._index)
        if gpu is None:
            raise NoGpuError(
                f"the {name} graph cannot run as a plan: no NVIDIA GPU cuda:{self._index} is usable here. Cure: check "
                f"the driver with nvidia-smi, choose another --device, or use --backend onnxruntime"
            )
        chosen = self._shelf.chosen(GraphAsked(name, path, name == "live" and path != shipped_graph()), gpu)
        backend = TensorRtBackend(
            chosen.plan,
            chosen.library,
            gpu=self._index,
            onnx_sha256=chosen.card.onnx_sha256,
            cuda_graphs=self._cuda_graphs,
            gpu_of=self._gpu_of,
            queue_of=self._queue_of,
        )
        with backend:
            self._trusted(backend, chosen, path)
            self.in_use[name] = f"{chosen.library.name} on cuda:{self._index}"
            self._choices.say(f"{name}: {self.in_use[name]}, {chosen.plan.name} ({gpu.name})")
            yield backend

    def _trusted(self, backend: TensorRtBackend, chosen: ChosenPlan, path: Path) -> None:
        if chosen.card.parity != "pending":
            return
        log.info("%s: comparing it with fp32 before its first use", chosen.plan.name)
        card = self._gate(backend, replace(chosen, card=with_layer_types(backend, chosen.card)), path)
        assert card.parity != "pending", "a gate measures"
        broken = [entry for entry in card.parity if not entry.holds]
        if broken:
            raise PlanParityError(
                f"{chosen.plan} failed its comparison with fp32 on this GPU ({'; '.join(map(str, broken))}) and is "
                f"not used. Build it again in fp32 or mixed precision, or use --backend onnxruntime"
            )


class AutoNetworks:
    """A plan where one fits, else onnxruntime on the CPU; says once per graph which and why.

    plans: None where no plan can be used here, for the reason `why_no_plans`.
    """

    needs_plans = False
    runs_on_cpu = True

    def __init__(self, plans: PlanNetworks | None, why_no_plans: str = "") -> None:
        self._plans, self._why_no_plans = plans, why_no_plans
        self._cpu = OnnxRuntimeNetworks()
        self._choices = Choices()
        self.in_use: dict[str, str] = {}

    @property
    def warm_up_runs(self) -> int:
        return self._cpu.warm_up_runs if self._plans is None else self._plans.warm_up_runs

    def frames_planned(self) -> tuple[SizeWh, ...]:
        return () if self._plans is None else self._plans.frames_planned()

    def has_plan(self, name: str, path_of: Callable[[], Path]) -> bool:
        return self._plans is not None and self._plans.has_plan(name, path_of)

    @contextmanager
    def opened(self, name: str, path: Path, *, threads: int) -> Iterator[Backend]:
        with ExitStack() as stack:
            reason = self._why_no_plans
            if self._plans is not None:
                try:
                    backend = stack.enter_context(self._plans.opened(name, path, threads=threads))
                except (PlanError, BackendError) as error:
                    reason = str(error)
                else:
                    self.in_use[name] = self._plans.in_use[name]
                    yield backend
                    return
            backend = stack.enter_context(self._cpu.opened(name, path, threads=threads))
            self.in_use[name] = self._cpu.in_use[name]
            self._choices.say(f"{name}: {self.in_use[name]} ({reason})")
            yield backend
