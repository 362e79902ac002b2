"""A plan where one fits, compared on the GPU before its first use; else, and only where that was asked, the CPU."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from fake_gpu import HERE, ROW, FakeLibrary, stored_plan
from inspector_text import IN_DETAIL, NAMES_ONLY
from small_graphs import stored, two_layers

from engine.blazepose.cache import sha256_of
from engine.runtime.backend import Backend
from engine.runtime.cuda_error import NoDriverError, NoGpuError
from engine.runtime.device import CPU, FIRST_GPU, DeviceError
from engine.runtime.layer_types import LayerTypes, layer_types
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from engine.runtime.plan_card import ParityCard, PlanCard, PlanError, PlanParityError
from engine.runtime.plan_choice import ChosenPlan, NoPlanError, PlanShelf
from engine.runtime.plan_networks import AutoNetworks, PlanNetworks


@dataclass
class Gate:
    """Measures `off_mm` whatever it is shown."""

    off_mm: float = 0.1
    asked: list[str] = field(default_factory=list)
    types: list[LayerTypes | None] = field(default_factory=list)

    def __call__(self, backend: Backend, chosen: ChosenPlan, path: Path) -> PlanCard:
        self.asked.append(chosen.plan.name)
        self.types.append(chosen.card.precision.found)
        backend.run({"x": np.zeros((1, ROW), np.float32), "bias": np.zeros(ROW, np.float32)})
        entry = ParityCard("joints", "mm", self.off_mm, self.off_mm, 1.0, 10.0, 1)
        return msgspec.structs.replace(chosen.card, parity=(entry,))


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return stored(two_layers(), tmp_path / "landmark.onnx")


def plans_in(directory: Path, fake: FakeLibrary, gate: Gate, *, gpu: object = HERE) -> PlanNetworks:
    shelf = PlanShelf(directory, ("tensorrt",), fake.library)
    return PlanNetworks(shelf, FIRST_GPU, gate=gate, gpu_of=lambda _: gpu, queue_of=fake.queue_of)


def opened_name(networks: Networks, graph: Path) -> str:
    with networks.opened("landmark", graph, threads=1) as backend:
        return type(backend).__name__


def test_a_plan_that_was_compared_is_used_at_once(
    tmp_path: Path, graph: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph))
    gate, networks = Gate(), None
    networks = plans_in(tmp_path, FakeLibrary(), gate)
    assert opened_name(networks, graph) == "TensorRtBackend" and gate.asked == []
    assert networks.in_use == {"landmark": "tensorrt on cuda:0"}
    assert caplog.messages == ["landmark: tensorrt on cuda:0, landmark.mixed.sm86.plan (RTX A2000)"]


def test_a_pending_plan_is_compared_before_anybody_gets_it(tmp_path: Path, graph: Path) -> None:
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph), parity="pending")
    gate = Gate()
    assert opened_name(plans_in(tmp_path, FakeLibrary(), gate), graph) == "TensorRtBackend"
    assert gate.asked == ["landmark.mixed.sm86.plan"]
    assert gate.types == [layer_types(IN_DETAIL)]


def test_a_plan_whose_layers_are_not_told_is_compared_all_the_same(
    tmp_path: Path, graph: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph), parity="pending")
    gate, fake = Gate(), FakeLibrary(layers=NAMES_ONLY)
    assert opened_name(plans_in(tmp_path, fake, gate), graph) == "TensorRtBackend"
    assert gate.types == [None] and any("built without detail" in text for text in caplog.messages)


def test_a_plan_that_moves_joints_too_far_is_refused_and_closed(tmp_path: Path, graph: Path) -> None:
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph), parity="pending")
    fake = FakeLibrary()
    with pytest.raises(PlanParityError, match=r"failed its comparison .*mean 7\.00 mm .limit 1.*--backend onnxruntime"):
        opened_name(plans_in(tmp_path, fake, Gate(off_mm=7)), graph)
    assert not fake.queues[0].is_open


def test_who_asks_for_plans_gets_plans_or_an_error(tmp_path: Path, graph: Path) -> None:
    with pytest.raises(NoGpuError, match="no NVIDIA GPU cuda:0 is usable here.*--backend onnxruntime"):
        opened_name(plans_in(tmp_path, FakeLibrary(), Gate(), gpu=None), graph)
    with pytest.raises(NoPlanError, match="di2pose build --library tensorrt"):
        opened_name(plans_in(tmp_path / "nowhere", FakeLibrary(), Gate()), graph)
    with pytest.raises(DeviceError, match="not on cpu"):
        PlanNetworks(PlanShelf(tmp_path, ("tensorrt",)), CPU, gate=Gate())


@pytest.mark.parametrize("trouble", ["absent", "another graph", "too far", "driver", "corrupt"])
def test_auto_falls_back_to_the_cpu_and_says_why_once(
    tmp_path: Path, graph: Path, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    caplog.set_level(logging.INFO)
    fake = FakeLibrary(says="CUDA driver version is insufficient" if trouble == "driver" else None)
    sha256 = "cd" * 32 if trouble == "another graph" else sha256_of(graph)
    if trouble != "absent":
        plan = stored_plan(tmp_path, onnx_sha256=sha256, parity="pending")
        if trouble == "corrupt":
            plan.write_bytes(b"cut")
    networks = AutoNetworks(plans_in(tmp_path, fake, Gate(off_mm=99)))
    said = {
        "absent": "there is no plan of the landmark graph",
        "another graph": "another landmark graph",
        "too far": "failed its comparison",
        "driver": "driver version is insufficient",
        "corrupt": "not the one that was built",
    }[trouble]
    for _ in range(2):
        assert opened_name(networks, graph) == "OnnxRuntimeBackend"
    lines = [message for message in caplog.messages if message.startswith("landmark: onnxruntime on cpu (")]
    assert len(lines) == 1 and said in lines[0]
    assert networks.in_use == {"landmark": "onnxruntime on cpu"}


def test_auto_takes_a_plan_that_fits(tmp_path: Path, graph: Path) -> None:
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph))
    networks = AutoNetworks(plans_in(tmp_path, FakeLibrary(), Gate()))
    assert opened_name(networks, graph) == "TensorRtBackend"
    assert networks.in_use == {"landmark": "tensorrt on cuda:0"}


def test_an_error_while_a_plan_runs_is_not_swallowed(tmp_path: Path, graph: Path) -> None:
    """Falling back is for loading. Who runs already must hear of it."""
    stored_plan(tmp_path, onnx_sha256=sha256_of(graph))
    networks = AutoNetworks(plans_in(tmp_path, FakeLibrary(), Gate()))
    for error in (PlanError("while running"), NoDriverError("while running")):
        with pytest.raises(type(error), match="while running"), networks.opened("landmark", graph, threads=1):
            raise error


def test_without_a_gpu_auto_is_onnxruntime_as_ever(graph: Path) -> None:
    auto, plain = AutoNetworks(None, "no GPU"), OnnxRuntimeNetworks()
    x = np.random.default_rng(0).random((3, 8), np.float32)
    with auto.opened("live", graph, threads=1) as one, plain.opened("live", graph, threads=1) as other:
        np.testing.assert_array_equal(one.run({"x": x})["y"], other.run({"x": x})["y"])
    assert (auto.warm_up_runs, auto.runs_on_cpu) == (plain.warm_up_runs, plain.runs_on_cpu) == (1, True)
    assert onnx.load(graph).graph.name == "small"


def test_onnxruntime_runs_on_no_gpu() -> None:
    with pytest.raises(DeviceError, match="not on cuda:0"):
        OnnxRuntimeNetworks(FIRST_GPU)
