"""int8 and fp8 of the real networks: what the gate lets through, what it refuses, and plans by the real library."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from small_graphs import stored, two_layers

from engine.blazepose.networks import detector_onnx
from engine.build.build_error import BuildError, ParityError
from engine.build.build_options import BuildOptions
from engine.build.builder import plan_bytes
from engine.build.eight_bits import LEAST_SHARE, CalibrationSet, with_eight_bits
from engine.build.evidence import Evidence, people_in
from engine.build.graphs import gate_inputs, graph_named
from engine.build.judge import Judge
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.parity import Measure, ParityGate
from engine.build.plan import PlanJob, Typed, build_plan
from engine.build.precision import Precision, converted
from engine.build.quantized import Quantized
from engine.build.shapes import batch_shapes, shape_ranges
from engine.runtime.plan_card import read_card
from engine.runtime.tensorrt_library import Library
from realtime.spread_pictures import pictures_between

SM89 = BuildOptions("tensorrt-rtx", "sm89")
LIMITS_MM = (1.0, 10.0)


@pytest.fixture(scope="module")
def others() -> Evidence:
    """Four people of the bundled clip, none of them in `evidence`."""
    return people_in(pictures_between("demo", 2), detector_onnx())


@pytest.fixture(scope="module")
def quantized(landmark: OnnxGraph, others: Evidence) -> dict[str, Quantized]:
    """Detector and landmark network, calibrated once for int8."""
    graphs = [graph_named("detector"), landmark]
    return {graph.name: Quantized.of(graph.model, Precision.INT8, gate_inputs(graph, others)) for graph in graphs}


@pytest.fixture(scope="module")
def judged(evidence: Evidence, others: Evidence) -> Typed:
    """The detector in int8, for any target."""
    job = PlanJob(graph_named("detector"), "blazepose", Precision.INT8, SM89)
    return Judge(lambda: evidence, LIMITS_MM, lambda: ("demo", others)).typed(job)


@pytest.mark.parametrize("target", ["sm86", "sm89", "sm120"])
@pytest.mark.parametrize("name", ["detector", "landmark"])
def test_int8_at_every_product_becomes_a_plan_with_int8_weights(
    quantized: dict[str, Quantized], landmark: OnnxGraph, name: str, target: str, rtx: Library
) -> None:
    graph, places = landmark if name == "landmark" else graph_named(name), quantized[name].places
    model = converted(quantized[name].with_pairs_at(places), Precision.INT8)
    ranges = shape_ranges(graph.inputs, batch_shapes(graph.inputs))
    plan = plan_bytes(rtx, model, BuildOptions("tensorrt-rtx", target), shapes=ranges)
    weights = [each for each in model.graph.initializer if each.data_type == TensorProto.INT8 and len(each.dims) == 4]
    # Pointwise weights lie in the plan as they are; the library keeps others in an order of its own.
    pointwise = [each for each in weights if each.dims[1] > 100 and each.dims[2] == 1]
    found = sum(numpy_helper.to_array(each).tobytes()[:64] in plan for each in pointwise)
    assert found > len(pointwise) / 2


def test_fp8_becomes_a_plan_from_sm89_on_and_others_are_refused_by_name(
    quantized: dict[str, Quantized], rtx: Library
) -> None:
    graph, int8 = graph_named("detector"), quantized["detector"]
    fp8 = Quantized(int8.single, int8.places, Precision.FP8)
    model = converted(fp8.with_pairs_at(fp8.places), Precision.FP8)
    ranges = shape_ranges(graph.inputs, batch_shapes(graph.inputs))
    assert plan_bytes(rtx, model, SM89, shapes=ranges)
    with pytest.raises(BuildError, match=r"HW-specific datatypes: fp8_e4m3.*Cure: .*sm89; use --precision int8"):
        plan_bytes(rtx, model, BuildOptions("tensorrt-rtx", "sm86"), shapes=ranges)
    with pytest.raises(BuildError, match="fp8 cannot be built for sm86"):
        PlanJob(graph, "blazepose", Precision.FP8, BuildOptions("tensorrt-rtx", "sm86"))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["sm86", "sm89"])
def test_the_detector_in_int8_passes_the_gate_and_its_sidecar_says_how(
    evidence: Evidence, others: Evidence, judged: Typed, rtx: Library, tmp_path: Path, target: str
) -> None:
    job = PlanJob(graph_named("detector"), "blazepose", Precision.INT8, BuildOptions("tensorrt-rtx", target))
    built = build_plan(job, judged, rtx, directory=tmp_path)
    card = read_card(built.path)
    told = card.precision.calibration
    assert card.precision.asked == "int8" and told is not None
    assert (told.method, told.pictures, told.people) == ("minmax", "demo", len(others.crops))
    assert told.people_sha256 == others.sha256 != evidence.sha256
    assert told.graph_sha256 == hashlib.sha256(judged.model.SerializeToString(deterministic=True)).hexdigest()
    assert told.multiply_adds_share > 0.5 and all(each.holds for each in card.cpu_parity)


@pytest.mark.slow
@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FP8])
def test_the_landmark_network_is_refused_and_the_cure_is_mixed(
    landmark: OnnxGraph, evidence: Evidence, others: Evidence, precision: Precision
) -> None:
    """Eight bits are too few for its sums, as bf16's are."""
    job = PlanJob(landmark, "blazepose", precision, SM89)
    with pytest.raises(ParityError, match=rf"landmark graph bears {precision} in .* multiply-adds only.*Try .* mixed"):
        Judge(lambda: evidence, LIMITS_MM, lambda: ("demo", others)).typed(job)


def test_int8_at_every_product_of_the_landmark_network_moves_it_by_centimetres(
    quantized: dict[str, Quantized], landmark: OnnxGraph, evidence: Evidence
) -> None:
    from engine.build.parity import measures_of

    gate = ParityGate(landmark, gate_inputs(landmark, evidence), measures_of("landmark"))
    model = quantized["landmark"].with_pairs_at(quantized["landmark"].places)
    with pytest.raises(ParityError, match="landmark graph in int8 moves world landmarks.*Try --precision mixed"):
        gate.judged(model, Precision.INT8)
    assert gate.differences(model, Precision.INT8)[0].mean > 20


def small_job(tmp_path: Path, *, limit: float) -> tuple[ParityGate, CalibrationSet]:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    rng = np.random.default_rng(5)
    seen, judged = ({"x": rng.normal(size=(6, 8)).astype(np.float32)} for _ in range(2))
    gate = ParityGate(
        graph, judged, [Measure("values", "mm", limit, 10 * limit, lambda found, _: found["y"][..., None])]
    )
    return gate, CalibrationSet("pictures", 6, "0" * 64, seen)


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FP8])
def test_wide_limits_let_all_products_through(precision: Precision, tmp_path: Path) -> None:
    gate, calibration = small_job(tmp_path, limit=100.0)
    found = with_eight_bits(gate, precision, calibration)
    assert set(found.card.quantized) == {"a", "y"} and found.card.multiply_adds_share == 1
    assert gate.judged(found.model, precision)[0].mean > 0


def test_narrow_limits_let_none_through(tmp_path: Path) -> None:
    gate, calibration = small_job(tmp_path, limit=1e-6)
    with pytest.raises(ParityError, match=rf"two graph bears int8 in 0.0% .* from {LEAST_SHARE:.0%} on.*Try .* mixed"):
        with_eight_bits(gate, Precision.INT8, calibration)


def test_without_people_to_calibrate_on_there_are_no_8_bits(evidence: Evidence) -> None:
    job = PlanJob(graph_named("detector"), "blazepose", Precision.INT8, SM89)
    with pytest.raises(BuildError, match="int8 needs people to calibrate on.*--crops"):
        Judge(lambda: evidence, LIMITS_MM).typed(job)


def test_a_plan_without_8_bits_tells_of_no_calibration(rtx: Library, tmp_path: Path) -> None:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    job = PlanJob(graph, "none", Precision.FP16, SM89)
    judged = Typed(converted(graph.model, Precision.FP16), (), ())
    assert build_plan(job, judged, rtx, directory=tmp_path).card.precision.calibration is None
