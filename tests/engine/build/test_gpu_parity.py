"""The gate on the GPU: a plan that says what the fp32 graph says is trusted, one that moves or repeats itself is not.

onnxruntime stands in for the plan.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_gpu import stored_plan

from engine.build.build_error import BuildError
from engine.build.evidence import Evidence
from engine.build.gpu_parity import compared_on_gpu, limits_of
from engine.build.onnx_file import OnnxGraph
from engine.runtime.backend import Arrays
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from engine.runtime.plan_card import ParityCard, PlanCard, ShapeRange, card_path, read_card


class Plan:
    """Runs the graph and does `harm`: moves the world landmarks by so many mm, or repeats the first answer."""

    def __init__(self, backend: OnnxRuntimeBackend, *, off_mm: float = 0.0, repeats: bool = False) -> None:
        self._backend, self._off_mm, self._repeats = backend, off_mm, repeats
        self._old: dict[int, dict[str, Any]] = {}
        self.batches: list[int] = []

    def run(self, inputs: Arrays) -> dict[str, Any]:
        batch = len(inputs["image"])
        self.batches.append(batch)
        if self._repeats and batch in self._old:
            return self._old[batch]
        outputs = self._backend.run(inputs)
        outputs["world"] = outputs["world"] + np.float32(self._off_mm / 1000)
        self._old[batch] = outputs
        return outputs


@pytest.fixture
def running(landmark: OnnxGraph) -> Iterator[OnnxRuntimeBackend]:
    with OnnxRuntimeBackend(landmark.path) as backend:
        yield backend


def compared(plan: Any, card: PlanCard, path: Path, landmark: OnnxGraph, evidence: Evidence) -> PlanCard:
    return compared_on_gpu(plan, card, path, graph_file=landmark.path, evidence_of=lambda: evidence)


def test_a_faithful_plan_holds_and_its_sidecar_says_so(
    running: OnnxRuntimeBackend, landmark: OnnxGraph, evidence: Evidence, tmp_path: Path
) -> None:
    path = stored_plan(tmp_path, onnx_sha256=landmark.sha256, parity="pending")
    plan = Plan(running)
    card = compared(plan, read_card(path), path, landmark, evidence)
    assert plan.batches == [2, 1, 1], "all together and each alone"
    assert card == read_card(path) and card.parity != "pending"
    assert [entry.name for entry in card.parity] == [
        "world landmarks",
        "image points",
        "world landmarks one by one",
        "image points one by one",
    ]
    assert all(entry.holds and entry.people == 2 and entry.worst < 0.1 for entry in card.parity)


@pytest.mark.parametrize(("harm", "broken"), [({"off_mm": 8.0}, 2), ({"repeats": True}, 2)])
def test_a_plan_that_moves_or_repeats_itself_does_not_hold(
    running: OnnxRuntimeBackend,
    landmark: OnnxGraph,
    evidence: Evidence,
    tmp_path: Path,
    harm: dict[str, Any],
    broken: int,
) -> None:
    path = stored_plan(tmp_path, onnx_sha256=landmark.sha256, parity="pending")
    card = compared(Plan(running, **harm), read_card(path), path, landmark, evidence)
    assert card.parity != "pending"
    assert len([entry for entry in card.parity if not entry.holds]) == broken
    assert read_card(path) == card, "kept, so that it is refused at once the next time"


def test_people_fill_the_smallest_batch_of_the_plan(
    running: OnnxRuntimeBackend, landmark: OnnxGraph, evidence: Evidence, tmp_path: Path
) -> None:
    shapes = (ShapeRange("image", (3, 256, 256, 3), (3, 256, 256, 3), (4, 256, 256, 3)),)
    path = stored_plan(tmp_path, onnx_sha256=landmark.sha256, parity="pending", shapes=shapes)
    plan = Plan(running)
    compared(plan, read_card(path), path, landmark, evidence)
    assert plan.batches == [3, 3]


def test_where_it_cannot_be_kept_it_is_said_and_the_plan_is_used(
    running: OnnxRuntimeBackend,
    landmark: OnnxGraph,
    evidence: Evidence,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("read-only")

    path = stored_plan(tmp_path, onnx_sha256=landmark.sha256, parity="pending")
    before = card_path(path).read_bytes()
    monkeypatch.setattr("engine.build.gpu_parity.write_card", refused)
    with caplog.at_level(logging.WARNING):
        card = compared(Plan(running), read_card(path), path, landmark, evidence)
    assert card.parity != "pending" and card_path(path).read_bytes() == before
    assert "made again at the next start" in caplog.text


def test_the_limits_are_those_that_the_plan_was_built_under(tmp_path: Path) -> None:
    loose = ParityCard("world landmarks", "mm", 1.5, 12.0, 2.0, 20.0, 9)
    pixels = ParityCard("image points", "px", 0.1, 1.0, 0.5, 4.0, 9)
    card = read_card(stored_plan(tmp_path, cpu_parity=(pixels, loose)))
    assert [(m.mean_limit, m.worst_limit) for m in limits_of(card)] == [(2.0, 20.0), (0.5, 4.0)]
    assert [m.mean_limit for m in limits_of(read_card(stored_plan(tmp_path)))] == [1.0, 0.5]


def test_a_graph_that_is_gone_is_an_error(
    running: OnnxRuntimeBackend, evidence: Evidence, landmark: OnnxGraph, tmp_path: Path
) -> None:
    path = stored_plan(tmp_path, parity="pending")
    with pytest.raises(BuildError, match="cannot be read"):
        compared_on_gpu(
            Plan(running), read_card(path), path, graph_file=tmp_path / "gone.onnx", evidence_of=lambda: evidence
        )
