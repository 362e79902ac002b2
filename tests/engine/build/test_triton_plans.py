"""Which plans Triton may serve: whole ones of TensorRT, of the same graph, with room for the batch. None is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from small_graphs import stored, two_layers

from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.triton_repository import served_model, write_repository
from engine.runtime.plan_card import BuiltOn, PlanCard, PlanError, PrecisionCard, ShapeRange, card_path, write_card

CONTENT = b"not a plan: nothing here may ever deserialise it"


@pytest.fixture
def graph(tmp_path: Path) -> OnnxGraph:
    return read_onnx(stored(two_layers(), tmp_path / "landmark.onnx"))


def plan_of(of: OnnxGraph, precision: str = "fp16", **changed: Any) -> Path:
    """A plan's files in `plans/`, as the builder writes them; `changed` of the card."""
    plan = of.path.parent / "plans" / f"{of.name}.{precision}.current.plan"
    plan.parent.mkdir(exist_ok=True)
    plan.write_bytes(CONTENT)
    fields: dict[str, Any] = {
        "graph": of.name,
        "plan_sha256": hashlib.sha256(CONTENT).hexdigest(),
        "onnx_file": of.path.name,
        "onnx_sha256": of.sha256,
        "weights": "blazepose",
        "library": "tensorrt",
        "library_version": "10.13.0.35",
        "target": "current",
        "gpu": BuiltOn("RTX A2000", "8.6"),
        "shapes": (ShapeRange("x", (1, 8), (1, 8), (16, 8)),),
        "precision": PrecisionCard(precision, 3, 4),
        "flags": {},
        "cpu_parity": (),
    }
    write_card(plan, PlanCard(**(fields | changed)))
    return plan


def test_a_plan_of_the_graph_is_served_and_what_it_needs_is_said(graph: OnnxGraph, tmp_path: Path) -> None:
    plan = plan_of(graph)
    model = served_model(graph, max_batch=16, plans=plan.parent)
    assert model.needs == "tensorrt 10.13.0.35 and RTX A2000"
    [written] = write_repository(tmp_path / "repo", [model])
    assert written.path == tmp_path / "repo" / "landmark" / "1" / "model.plan"
    assert written.path.read_bytes() == CONTENT
    text = (tmp_path / "repo" / "landmark" / "config.pbtxt").read_text()
    assert 'platform: "tensorrt_plan"' in text and "KIND_GPU" in text and graph.sha256 in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"library": "tensorrt-rtx", "target": "sm86"},
            r"a plan of tensorrt-rtx, and Triton.*tensorrt only.*di2pose build --library tensorrt --graph landmark",
        ),
        ({"plan_sha256": "00" * 32}, r"not the one that was built .*Build it again: di2pose build"),
        ({"onnx_sha256": "ab" * 32}, r"built of another graph .*abababababab.*Build it again"),
        ({"graph": "detector"}, r"built of another graph \(detector"),
        (
            {"shapes": (ShapeRange("x", (1, 8), (1, 8), (4, 8)),)},
            r"at most 4 rows, and --max-batch asks for 16\. Give --max-batch 4, or build it again with --maxShapes",
        ),
        ({"shapes": (ShapeRange("x", (2, 8), (4, 8), (16, 8)),)}, "no fewer than 2 rows"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(graph: OnnxGraph, changed: dict[str, Any], said: str) -> None:
    plan = plan_of(graph, **changed)
    with pytest.raises(PlanError, match=said):
        served_model(graph, max_batch=16, plans=plan.parent)


def test_a_plan_without_a_sidecar_is_refused(graph: OnnxGraph) -> None:
    plan = plan_of(graph)
    card_path(plan).unlink()
    with pytest.raises(PlanError, match="no readable sidecar"):
        served_model(graph, max_batch=16, plans=plan.parent)


def test_which_plan_is_meant_must_be_clear(graph: OnnxGraph, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"holds no plan landmark\.\*\.plan; build it: di2pose build .*--graph"):
        served_model(graph, max_batch=16, plans=tmp_path / "nowhere")
    for precision in ("fp16", "fp32"):
        plan = plan_of(graph, precision)
    with pytest.raises(PlanError, match=r"several plans of landmark \(landmark\.fp16.*landmark\.fp32.*leave one"):
        served_model(graph, max_batch=16, plans=plan.parent)
