"""Plans on a real GPU: built for it, compared with fp32, run for every batch, timed. `make test-gpu` runs this.

Everything here is skipped, with the reason, where there is no GPU or no library that builds for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from engine.blazepose.networks import detector_onnx
from engine.build.build_options import BuildOptions
from engine.build.evidence import Evidence, people_in
from engine.build.gpu_parity import compared_on_gpu
from engine.build.graphs import KNOWN, gate_inputs, graph_named
from engine.build.judge import Judge
from engine.build.onnx_file import OnnxGraph
from engine.build.parity import ParityGate, measures_of
from engine.build.plan import PlanJob, build_plan
from engine.build.precision import Precision
from engine.runtime.cuda_error import GpuMemoryError
from engine.runtime.device import FIRST_GPU
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.graph_name import framed
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from engine.runtime.plan_card import PlanError, read_card, write_card
from engine.runtime.plan_choice import PlanShelf
from engine.runtime.plan_inspection import with_layers_inspected
from engine.runtime.plan_networks import PlanNetworks
from engine.runtime.preflight import target_of
from engine.runtime.tensorrt_backend import TensorRtBackend
from engine.runtime.tensorrt_library import (
    LIBRARIES,
    RTX_TARGETS,
    Library,
    LibraryMissingError,
    installed_library,
)
from realtime.engine_bench import timed
from realtime.gpu_gate import gate_on_demo
from realtime.spread_pictures import pictures_between, spread_pictures

# Building all plans takes minutes, most of them the search for what mixed precision must leave single.
pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1800)]

NAMES = (*KNOWN, framed((1280, 720)))
PRECISIONS = (Precision.FP32, Precision.MIXED)


@dataclass(frozen=True)
class Plans:
    library: Library
    gpu: Gpu
    evidence: Evidence
    paths: dict[tuple[str, Precision], Path]

    def of(self, graph: OnnxGraph, precision: Precision = Precision.FP32) -> Path:
        return self.paths[graph.name, precision]


@pytest.fixture(scope="module", params=LIBRARIES)
def plans(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Every graph for the GPU of this machine, in single precision and in mixed."""
    gpu = gpu_here()
    if gpu is None:
        pytest.skip("needs an NVIDIA GPU with a driver")
    try:
        library = installed_library(request.param)
    except LibraryMissingError as error:
        pytest.skip(str(error))
    pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings: pip install 'di2pose[gpu-rtx]'")
    target = target_of(gpu) if library.name == "tensorrt-rtx" else None
    if target is not None and target not in RTX_TARGETS:
        pytest.skip(f"tensorrt-rtx builds no plans for {gpu.name} ({target})")
    evidence = people_in(spread_pictures("demo", 4), detector_onnx())
    judge = Judge(lambda: evidence, (1.0, 10.0))
    paths = {}
    for precision in PRECISIONS:
        directory = tmp_path_factory.mktemp(str(precision))
        for name in NAMES:
            job = PlanJob(graph_named(name), "test", precision, BuildOptions(library.name, target=target))
            paths[name, precision] = build_plan(job, judge.typed(job), library, directory=directory).path
    return Plans(library, gpu, evidence, paths)


@pytest.fixture(params=NAMES)
def graph(request: pytest.FixtureRequest) -> OnnxGraph:
    return graph_named(request.param)


@pytest.fixture
def loaded(plans: Plans, graph: OnnxGraph) -> Iterator[TensorRtBackend]:
    with TensorRtBackend(plans.of(graph), plans.library, onnx_sha256=graph.sha256) as backend:
        yield backend


def rows_of(graph: OnnxGraph, evidence: Evidence, rows: np.ndarray) -> dict[str, np.ndarray]:
    opened = {entry.name for entry in graph.inputs if entry.is_open}
    return {name: array[rows] if name in opened else array for name, array in gate_inputs(graph, evidence).items()}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_plan_passes_the_gate_and_its_sidecar_says_so(plans: Plans, graph: OnnxGraph, precision: Precision) -> None:
    path = plans.of(graph, precision)
    with TensorRtBackend(path, plans.library, onnx_sha256=graph.sha256) as backend:
        card = compared_on_gpu(
            backend, read_card(path), path, graph_file=graph.path, evidence_of=lambda: plans.evidence
        )
    print(f"\n{path.name} on {plans.gpu.name}:", *card.parity, sep="\n  ")
    assert card.parity != "pending" and all(entry.holds for entry in card.parity)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_inspector_finds_the_precision_that_was_asked(plans: Plans, graph: OnnxGraph, precision: Precision) -> None:
    found = with_layers_inspected(plans.of(graph, precision), plans.library).precision.found
    print(f"\n{graph.name} in {precision} on {plans.gpu.name}: {found}")
    assert found is not None and read_card(plans.of(graph, precision)).precision.found == found
    types = " ".join(key for counts in found.values() for key in counts)
    assert ("float16" in types) == (precision is Precision.MIXED) and "float32" in types


def test_the_detector_in_int8_passes_the_gate(plans: Plans, tmp_path: Path) -> None:
    graph = graph_named("detector")
    target = target_of(plans.gpu) if plans.library.name == "tensorrt-rtx" else None
    job = PlanJob(graph, "test", Precision.INT8, BuildOptions(plans.library.name, target=target))
    others = people_in(pictures_between("demo", 4), detector_onnx())
    judged = Judge(lambda: plans.evidence, (1.0, 10.0), lambda: ("demo", others)).typed(job)
    path = build_plan(job, judged, plans.library, directory=tmp_path).path
    with TensorRtBackend(path, plans.library, onnx_sha256=graph.sha256) as backend:
        card = compared_on_gpu(
            backend, read_card(path), path, graph_file=graph.path, evidence_of=lambda: plans.evidence
        )
        print(f"\n{path.name} on {plans.gpu.name}:", *card.parity, sep="\n  ")
    assert card.parity != "pending" and all(entry.holds for entry in card.parity)


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_every_batch_gives_what_fp32_gives(plans: Plans, graph: OnnxGraph, cuda_graphs: bool) -> None:
    """Sizes that repeat, change, and exceed what one run takes; different people in every run."""
    with TensorRtBackend(plans.of(graph), plans.library, cuda_graphs=cuda_graphs) as backend:
        for run, batch in enumerate((1, 1, 1, 2, 2, 2, 1, 5, 16, 16, 16, 17, 40, 1)):
            inputs = rows_of(graph, plans.evidence, (np.arange(batch) + run) % len(plans.evidence.crops))
            gate = ParityGate(graph, inputs, measures_of(graph.name))
            broken = [str(entry) for entry in gate.compared(backend.run(inputs)) if not entry.holds]
            assert broken == [], f"run {run} with {batch}"


def test_it_is_described_as_onnxruntime_describes_it(graph: OnnxGraph, loaded: TensorRtBackend) -> None:
    with OnnxRuntimeBackend(graph.path) as reference:
        for ours, theirs in ((loaded.inputs, reference.inputs), (loaded.outputs, reference.outputs)):
            described = {info.name: (len(info.shape), info.dtype) for info in ours}
            assert described == {info.name: (len(info.shape), info.dtype) for info in theirs}


def test_it_can_be_opened_again_and_twice_at_once(plans: Plans, graph: OnnxGraph) -> None:
    inputs = rows_of(graph, plans.evidence, np.arange(2))
    backends = [TensorRtBackend(plans.of(graph), plans.library) for _ in range(2)]
    for _ in range(2):
        with backends[0] as one, backends[1] as other:
            for _ in range(3):
                first = {name: array.copy() for name, array in one.run(inputs).items()}
                for name, array in other.run(inputs).items():
                    np.testing.assert_allclose(array, first[name], rtol=1e-3, atol=1e-3)


def test_a_truncated_plan_is_refused(plans: Plans, graph: OnnxGraph, tmp_path: Path) -> None:
    path = plans.of(graph)
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes()[:-100])
    copy.with_name(f"{path.name}.json").write_bytes(path.with_name(f"{path.name}.json").read_bytes())
    with pytest.raises(PlanError, match="not the one that was built"), TensorRtBackend(copy, plans.library):
        pass


def test_the_line_trusts_a_pending_plan_only_after_the_gate(plans: Plans, graph: OnnxGraph) -> None:
    path = plans.of(graph)
    write_card(path, structs.replace(read_card(path), parity="pending"))
    shelf = PlanShelf(path.parent, (plans.library.name,))
    networks = PlanNetworks(shelf, FIRST_GPU, gate=gate_on_demo)
    with networks.opened(graph.name, graph.path, threads=1) as backend:
        backend.run(rows_of(graph, plans.evidence, np.arange(1)))
    assert read_card(path).parity != "pending"


def test_no_room_is_said(plans: Plans) -> None:
    from engine.runtime.cuda import CudaQueue

    with CudaQueue() as queue, pytest.raises(GpuMemoryError, match="nvidia-smi"):
        for _ in range(10_000):
            queue.memory(1 << 30)


def test_timing_table(plans: Plans) -> None:
    """Not a law: printed with -s, for docs/engines.md."""
    print(f"\n{plans.library.name} {plans.library.version}, {plans.gpu.name}, mixed precision")
    print(f"{'network':<16}{'CUDA graphs':<13}{'persons':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name in NAMES:
        for cuda_graphs in (True, False):
            path = plans.of(graph_named(name), Precision.MIXED)
            with TensorRtBackend(path, plans.library, cuda_graphs=cuda_graphs) as backend:
                for persons, ms in timed(backend, (1, 4, 16), runs=200):
                    shown = "yes" if cuda_graphs else "no"
                    print(f"{name:<16}{shown:<13}{persons:>7}{ms.p50:>9.3f}{ms.p95:>9.3f}{ms.p99:>9.3f}")
                    assert ms.count == 200
