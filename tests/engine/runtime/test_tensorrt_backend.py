"""Laws of running a plan: checked before it is loaded, right for every batch, never an old answer. On a fake GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_gpu import HERE, ROW, FakeLibrary, stored_plan, watched
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.backend import Backend, BackendError, TensorInfo
from engine.runtime.cuda_error import GpuMemoryError, NoDriverError
from engine.runtime.plan_card import PlanError, card_path
from engine.runtime.tensorrt_backend import TensorRtBackend

BIAS = np.array([1, 2, 3], np.float32)


def people(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).random((count, ROW), np.float32), "bias": BIAS}


def backend_of(plan: Path, fake: FakeLibrary, name: str = "tensorrt", *, cuda_graphs: bool = True) -> TensorRtBackend:
    return TensorRtBackend(
        plan, fake.library(name), cuda_graphs=cuda_graphs, gpu_of=lambda _: HERE, queue_of=fake.queue_of
    )


@pytest.fixture
def fake() -> FakeLibrary:
    return FakeLibrary()


@pytest.fixture
def opened(fake: FakeLibrary, tmp_path: Path) -> Iterator[TensorRtBackend]:
    with backend_of(stored_plan(tmp_path), fake) as backend:
        yield backend


def test_it_describes_itself(opened: TensorRtBackend) -> None:
    backend: Backend = opened
    assert backend.inputs == (TensorInfo("x", ("batch", ROW), "float32"), TensorInfo("bias", (ROW,), "float32"))
    assert backend.outputs == (TensorInfo("y", ("batch", ROW), "float32"),)
    assert opened.card.graph == "landmark"


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.integers(1, 11), min_size=1, max_size=12), graphs=st.booleans())
def test_every_sequence_of_batches_gives_what_the_network_gives(
    batches: list[int], graphs: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also with more people than the plan takes at once, and whatever was captured before."""
    with backend_of(stored_plan(tmp_path_factory.mktemp("plan")), FakeLibrary(), cuda_graphs=graphs) as backend:
        for seed, count in enumerate(batches):
            inputs = people(count, seed)
            np.testing.assert_array_equal(backend.run(inputs)["y"], 2 * inputs["x"] + BIAS)


def test_a_graph_is_captured_after_a_plain_run_replayed_and_given_up_with_the_shape(
    opened: TensorRtBackend, fake: FakeLibrary
) -> None:
    log = fake.queues[0].log
    log.clear()
    for _ in range(4):
        opened.run(people(2))
    assert log == ["capture", "replay", "replay", "replay"] and fake.context.enqueued == 2
    log.clear()
    for count in (3, 3, 2):
        opened.run(people(count))
    assert log == ["drop", "capture", "replay", "drop"]


def test_without_graphs_nothing_is_captured(fake: FakeLibrary, tmp_path: Path) -> None:
    with backend_of(stored_plan(tmp_path), fake, cuda_graphs=False) as backend:
        for _ in range(3):
            backend.run(people(1))
    assert not {"capture", "replay"} & set(fake.queues[0].log) and fake.context.enqueued == 3


@pytest.mark.parametrize("runs_before", [0, 1, 2, 3])
def test_a_refused_run_is_an_error_and_never_an_old_answer(
    opened: TensorRtBackend, fake: FakeLibrary, runs_before: int
) -> None:
    for _ in range(runs_before):
        opened.run(people(2))
    with watched(fake) as context:
        if runs_before < 2:
            with pytest.raises(BackendError, match=r"refuses to run 2 persons.*--no-cuda-graphs"):
                opened.run(people(2, seed=1))
        context.refuses = True
        with pytest.raises(BackendError, match="refuses to run 3 persons"):
            opened.run(people(3))
    inputs = people(2, seed=2)
    np.testing.assert_array_equal(opened.run(inputs)["y"], 2 * inputs["x"] + BIAS)
    assert fake.queues[0].log[-1] != "replay", "after a failure the first run is a plain one"


def test_memory_is_taken_once_for_the_largest_batch(opened: TensorRtBackend, fake: FakeLibrary) -> None:
    taken = [entry for entry in fake.queues[0].log if entry in ("memory", "pinned")]
    for count in (1, 4, 9, 2):
        opened.run(people(count))
    assert [entry for entry in fake.queues[0].log if entry in ("memory", "pinned")] == taken == ["memory", "pinned"] * 3


def test_outputs_are_valid_until_the_next_run(opened: TensorRtBackend) -> None:
    first = opened.run(people(2, seed=0))["y"]
    kept = first.copy()
    opened.run(people(2, seed=1))
    assert not np.array_equal(first, kept), "the contract is not to keep them, and no copy is made"


def test_tensorrt_for_rtx_captures_itself(fake: FakeLibrary, tmp_path: Path) -> None:
    plan = stored_plan(tmp_path, library="tensorrt-rtx")
    with backend_of(plan, fake, "tensorrt-rtx") as backend:
        for _ in range(3):
            backend.run(people(1))
    assert fake.config is not None and fake.config.cuda_graph_strategy == "whole"
    assert "capture" not in fake.queues[0].log
    with backend_of(plan, fake, "tensorrt-rtx", cuda_graphs=False):
        assert fake.config is None


@pytest.mark.parametrize("flags", [{}, {"--versionCompatible": ""}])
def test_only_a_plan_that_carries_its_runtime_may_run_code_of_its_own(
    fake: FakeLibrary, tmp_path: Path, flags: dict[str, str]
) -> None:
    with backend_of(stored_plan(tmp_path, flags=flags), fake):
        assert fake.host_code_allowed is bool(flags)


def test_a_plan_that_fails_the_preflight_is_never_deserialised(fake: FakeLibrary, tmp_path: Path) -> None:
    plan = stored_plan(tmp_path)
    plan.write_bytes(plan.read_bytes()[:-1])
    with pytest.raises(PlanError, match="not the one that was built"), backend_of(plan, fake):
        pass
    plan = stored_plan(tmp_path)
    card_path(plan).unlink()
    with pytest.raises(PlanError, match="no readable sidecar"), backend_of(plan, fake):
        pass
    plan = stored_plan(tmp_path, target="sm89")
    with pytest.raises(PlanError, match="built for sm89"), backend_of(plan, fake):
        pass
    plan = stored_plan(tmp_path)
    other = TensorRtBackend(plan, fake.library(), onnx_sha256="cd" * 32, gpu_of=lambda _: HERE, queue_of=fake.queue_of)
    with pytest.raises(PlanError, match="another landmark graph"), other:
        pass
    assert fake.deserialised == 0 and fake.queues == []


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("CUDA driver version is insufficient for CUDA runtime version", NoDriverError, "nvidia-smi"),
        ("Cuda Runtime (out of memory)", GpuMemoryError, "--maxShapes"),
        ("Serialization assertion failed: Version tag does not match", PlanError, "build the plan again"),
    ],
)
def test_what_the_library_refuses_has_a_cause_and_a_cure(
    fake: FakeLibrary, tmp_path: Path, words: str, kind: type[Exception], said: str
) -> None:
    fake.says = words
    with pytest.raises(kind, match=said) as caught, backend_of(stored_plan(tmp_path), fake):
        pass
    assert words in str(caught.value) and not fake.queues[0].is_open


def test_too_little_memory_is_said_and_what_was_taken_is_given_back(fake: FakeLibrary, tmp_path: Path) -> None:
    fake.room = 60  # x takes 48 of it
    with pytest.raises(GpuMemoryError, match="out of memory|OUT_OF_MEMORY"), backend_of(stored_plan(tmp_path), fake):
        pass
    assert not fake.queues[0].is_open


def test_outputs_of_an_unexpected_size_are_an_error(opened: TensorRtBackend, fake: FakeLibrary) -> None:
    fake.context.grows = True
    with pytest.raises(BackendError, match=r"gives \(3, 3\) for 'y', \(2, 3\) was expected"):
        opened.run(people(2))


def test_it_can_be_entered_again_and_not_be_run_outside(fake: FakeLibrary, tmp_path: Path) -> None:
    backend = backend_of(stored_plan(tmp_path), fake)
    for _ in range(2):
        with backend:
            backend.run(people(1))
        assert not fake.queues[-1].is_open
        with pytest.raises(BackendError, match="use the backend in a 'with' block"):
            backend.run(people(1))


def test_wrong_inputs_are_named(opened: TensorRtBackend) -> None:
    with pytest.raises(BackendError, match=r"takes the inputs \['bias', 'x'\], got \['x'\]"):
        opened.run({"x": np.zeros((1, ROW), np.float32)})
    with pytest.raises(BackendError, match=r"'x' must be \('batch', 3\) float32, got \(1, 4\) float32"):
        opened.run({"x": np.zeros((1, 4), np.float32), "bias": BIAS})
