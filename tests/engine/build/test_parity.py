"""The gate passes a good graph and fails a bad one, on real people and the real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_graphs import large_difference, stored

from engine.blazepose.networks import detector_onnx
from engine.build.build_error import BuildError, ParityError
from engine.build.evidence import Evidence, people_in
from engine.build.graphs import gate_inputs, graph_named
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.parity import Measure, ParityGate, measures_of, outputs_of
from engine.build.precision import Precision, converted, narrowed_share
from engine.build.sensitive import sensitive_operations


@pytest.fixture(scope="module")
def landmark_gate(landmark: OnnxGraph, evidence: Evidence) -> ParityGate:
    return ParityGate(landmark, gate_inputs(landmark, evidence), measures_of("landmark"))


def small_gate(tmp_path: Path, *, limit: float) -> ParityGate:
    graph = read_onnx(stored(large_difference(), tmp_path / "difference.onnx"))
    inputs = {"x": np.random.default_rng(2).normal(size=(4, 8)).astype(np.float32)}
    measure = Measure("values", "mm", limit, 2 * limit, lambda found, _: found["y"][..., None])
    return ParityGate(graph, inputs, [measure])


def test_blazepose_in_bf16_is_refused(landmark_gate: ParityGate) -> None:
    """It moves the world landmarks by decimetres."""
    model = converted(landmark_gate.graph.model, Precision.BF16)
    world, _ = landmark_gate.differences(model, Precision.BF16)
    assert world.mean > 30 and not world.holds
    with pytest.raises(ParityError, match=r"the landmark graph in bf16 moves world landmarks: mean .* mm.*--precision"):
        landmark_gate.judged(model, Precision.BF16)


def test_blazepose_in_fp16_is_refused_and_mixed_passes(landmark_gate: ParityGate) -> None:
    """A few operations at the end do the harm; they are found, and all others stay in half precision."""
    model = landmark_gate.graph.model
    with pytest.raises(ParityError, match="--precision mixed"):
        landmark_gate.judged(converted(model, Precision.FP16), Precision.FP16)
    kept = sensitive_operations(landmark_gate, 0.25)
    mixed = converted(model, Precision.MIXED, kept_single=kept)
    assert all(difference.holds for difference in landmark_gate.judged(mixed, Precision.MIXED))
    narrow, operations = narrowed_share(mixed)
    assert narrow > 0.9 * operations


def test_the_detector_passes_in_fp16(evidence: Evidence) -> None:
    graph = graph_named("detector")
    gate = ParityGate(graph, gate_inputs(graph, evidence), measures_of("detector"))
    (points,) = gate.judged(converted(graph.model, Precision.FP16), Precision.FP16)
    assert 0 < points.worst < 1


def test_the_fp32_graph_does_not_differ_from_itself(landmark_gate: ParityGate) -> None:
    assert all(each.worst == 0 for each in landmark_gate.differences(landmark_gate.graph.model, Precision.FP32))


def test_the_operation_that_harms_is_found(tmp_path: Path) -> None:
    gate = small_gate(tmp_path, limit=0.01)
    kept = sensitive_operations(gate, 0.25)
    assert {"sum", "small"} <= set(kept) and "y" not in kept
    mixed = converted(gate.graph.model, Precision.MIXED, kept_single=kept)
    assert gate.judged(mixed, Precision.MIXED)[0].holds


def test_what_is_no_number_counts_as_infinitely_far(tmp_path: Path) -> None:
    gate = small_gate(tmp_path, limit=1e9)
    gate._inputs = {"x": np.full((1, 8), 1e9, np.float32)}  # beyond half precision
    gate._reference = outputs_of(gate.graph.model, gate._inputs)
    (values,) = gate.differences(converted(gate.graph.model, Precision.FP16), Precision.FP16)
    assert values.worst == np.inf and not values.holds


def test_a_graph_without_a_measure_and_pictures_without_people_are_refused() -> None:
    with pytest.raises(BuildError, match="'feet'"):
        measures_of("feet")
    with pytest.raises(BuildError, match="nobody was found"):
        people_in([np.zeros((240, 320, 3), np.uint8)], detector_onnx())
