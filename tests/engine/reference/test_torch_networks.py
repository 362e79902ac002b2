"""Every graph of the line says in torch what it says in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from engine.blazepose.networks import detector_onnx  # noqa: E402
from engine.build.evidence import Evidence, people_in  # noqa: E402
from engine.build.graphs import GRAPHS, gate_inputs, graph_named  # noqa: E402
from engine.build.parity import ParityGate, measures_of  # noqa: E402
from engine.reference.torch_networks import TorchNetworks  # noqa: E402
from engine.runtime.backend import BackendError  # noqa: E402
from engine.runtime.device import CPU, FIRST_GPU, Device  # noqa: E402
from realtime.spread_pictures import spread_pictures  # noqa: E402

LIMIT = 0.01
"""Millimetres and pixels: single precision in another order."""


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return people_in(spread_pictures("demo", 3), detector_onnx())


def held_to_fp32(name: str, evidence: Evidence, device: Device) -> None:
    graph = graph_named(name)
    inputs = gate_inputs(graph, evidence)
    gate = ParityGate(graph, inputs, measures_of(name))
    with TorchNetworks(device).opened(name, graph.path, threads=1) as backend:
        described = {info.name: info for info in backend.inputs}
        assert set(described) == set(inputs)
        for _ in range(4):  # on a GPU: plain, captured, replayed twice
            found = backend.run(inputs)
            assert all(entry.worst < LIMIT for entry in gate.compared(found)), list(map(str, gate.compared(found)))
        one = {key: array[:1] if described[key].shape[0] == "batch" else array for key, array in inputs.items()}
        for key, value in backend.run(one).items():
            np.testing.assert_allclose(value, found[key][:1], atol=2e-2)


@pytest.mark.parametrize("name", GRAPHS)
def test_on_the_cpu_it_says_what_onnxruntime_says(name: str, evidence: Evidence) -> None:
    held_to_fp32(name, evidence, CPU)


@pytest.mark.gpu
@pytest.mark.parametrize("name", GRAPHS)
def test_on_a_gpu_it_says_what_onnxruntime_says(name: str, evidence: Evidence) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU and a CUDA build of torch")
    held_to_fp32(name, evidence, FIRST_GPU)


def test_the_fused_graph_is_refused_by_name_and_its_two_networks_named() -> None:
    graph = graph_named("fused")
    networks = TorchNetworks(CPU)
    assert not networks.has_plan("fused", lambda: graph.path)
    with (
        pytest.raises(BackendError, match="torch has no fused graph: .*Open landmark and live .*--backend onnxruntime"),
        networks.opened("fused", graph.path, threads=1),
    ):
        pass


def test_a_live_model_of_ones_own_is_for_onnxruntime(tmp_path: Path) -> None:
    with (
        pytest.raises(BackendError, match="--backend onnxruntime"),
        TorchNetworks(CPU).opened("live", tmp_path / "own.onnx", threads=1),
    ):
        pass
