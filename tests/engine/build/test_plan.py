"""A build leaves a plan and its sidecar, which the preflight then believes; of a graph that fails, nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_graphs import live_of_everything, live_of_world, stored, two_layers

from engine.blazepose.cache import sha256_of
from engine.build.build_error import BuildError, ParityError
from engine.build.build_options import BuildOptions
from engine.build.evidence import Evidence
from engine.build.graphs import graph_named, in_order
from engine.build.judge import Judge
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.plan import PlanJob, build_plan, rehearse, unchanged
from engine.build.precision import Precision
from engine.runtime.gpu import Gpu
from engine.runtime.plan_card import PlanError, card_path, read_card
from engine.runtime.preflight import check_plan
from engine.runtime.tensorrt_library import Library

SM86 = BuildOptions("tensorrt-rtx", "sm86")
GPU = Gpu("NVIDIA RTX A2000", "8.6")
LIMITS_MM = (1.0, 10.0)


def test_the_landmark_network_becomes_a_plan_that_passes_the_preflight(
    landmark: OnnxGraph, rtx: Library, tmp_path: Path
) -> None:
    job = PlanJob(landmark, "blazepose", Precision.FP32, SM86)
    built = build_plan(job, unchanged(job), rtx, directory=tmp_path)
    card = check_plan(built.path, rtx, gpu=GPU, onnx_sha256=landmark.sha256)
    assert card == built.card == read_card(built.path)
    assert (card.graph, card.target, card.weights, card.library) == ("landmark", "sm86", "blazepose", "tensorrt-rtx")
    assert card.plan_sha256 == sha256_of(built.path) and built.size > 10_000_000
    assert card.shapes[0].max == (16, 256, 256, 3)
    assert card.parity == "pending" and card.precision.found is None
    with pytest.raises(PlanError, match="another landmark graph"):
        check_plan(built.path, rtx, gpu=GPU, onnx_sha256="0" * 64)


def test_the_live_graph_in_fp16_is_judged_and_built(
    exported: tuple[Path, Path], landmark: OnnxGraph, evidence: Evidence, rtx: Library, tmp_path: Path
) -> None:
    """An untrained model of a few channels: how far it moves says nothing, so the limits are wide."""
    graph = graph_named("live", live_graph=exported[1])
    job = PlanJob(graph, "tiny", Precision.FP16, SM86)
    judge = Judge(lambda: evidence, (1000.0, 10_000.0))
    judge.typed(PlanJob(landmark, "blazepose", Precision.FP16, SM86))
    judged = judge.typed(job)
    card = build_plan(job, judged, rtx, directory=tmp_path).card
    assert card.precision.narrow_operations > card.precision.operations / 2
    assert [(entry.name, entry.people) for entry in card.cpu_parity] == [
        ("joints", 2),
        ("joints of the converted landmark network", 2),
    ]
    assert [entry.name for entry in card.shapes][-1] == "noise"


@pytest.fixture
def fused_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnnxGraph:
    """With a live model of one product, which needs no torch."""
    monkeypatch.setattr("engine.build.fused.cache_dir", lambda: tmp_path)
    return graph_named("fused", live_graph=stored(live_of_everything(), tmp_path / "live.onnx"))


def test_the_fused_graph_is_judged_in_millimetres_and_built(
    fused_graph: OnnxGraph, evidence: Evidence, rtx: Library, tmp_path: Path
) -> None:
    job = PlanJob(fused_graph, "none", Precision.FP16, SM86)
    card = build_plan(job, Judge(lambda: evidence, (1000.0, 10_000.0)).typed(job), rtx, directory=tmp_path).card
    assert [(entry.name, entry.unit) for entry in card.cpu_parity] == [
        ("joints", "mm"),
        ("world landmarks", "mm"),
        ("image points", "px"),
    ]
    px = card.cpu_parity[-1]
    assert px.people == 2 and 0 < px.mean < 0.5
    assert 100 < card.precision.narrow_operations < card.precision.operations / 2  # what counts pixels stays single
    assert [entry.max[0] for entry in card.shapes] == [16, 16, 16, 16, 16, 3]


def test_the_fused_graph_in_single_precision_is_read_by_the_library(fused_graph: OnnxGraph, rtx: Library) -> None:
    ranges = rehearse(PlanJob(fused_graph, "none", Precision.FP32, SM86), rtx)
    assert ranges[0].name == "crops" and ranges[0].max == (16, 256, 256, 3)


@pytest.fixture
def framed_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnnxGraph:
    """As above, with crops cut out of frames of the bundled clip's size."""
    monkeypatch.setattr("engine.build.fused.cache_dir", lambda: tmp_path)
    return graph_named("fused-640x480", live_graph=stored(live_of_everything(), tmp_path / "live.onnx"))


def test_the_fused_graph_that_cuts_is_built_in_single_precision_for_up_to_sixteen_people(
    framed_graph: OnnxGraph, rtx: Library, tmp_path: Path
) -> None:
    job = PlanJob(framed_graph, "none", Precision.FP32, SM86)
    built = build_plan(job, unchanged(job), rtx, directory=tmp_path)
    card = check_plan(built.path, rtx, gpu=GPU, onnx_sha256=framed_graph.sha256)
    assert built.path.name == "fused-640x480.fp32.sm86.plan" and card.graph == "fused-640x480"
    shapes = {entry.name: (entry.min, entry.max) for entry in card.shapes}
    assert shapes["frame"] == ((1, 480, 640, 3), (1, 480, 640, 3))
    assert shapes["place_parts"] == ((1, 2, 2, 256), (16, 2, 2, 256)) and "crops" not in shapes
    with pytest.raises(PlanError, match="--graph fused --frame 640x480 .*--computeCapabilities sm89"):
        check_plan(built.path, rtx, gpu=Gpu("NVIDIA GeForce RTX 4090", "8.9"))


def test_the_fused_graph_that_cuts_is_judged_in_millimetres_and_built_in_half_precision(
    framed_graph: OnnxGraph, evidence: Evidence, rtx: Library, tmp_path: Path
) -> None:
    job = PlanJob(framed_graph, "none", Precision.FP16, SM86)
    card = build_plan(job, Judge(lambda: evidence, (1000.0, 10_000.0)).typed(job), rtx, directory=tmp_path).card
    assert [entry.name for entry in card.cpu_parity] == ["joints", "world landmarks", "image points"]
    assert card.cpu_parity[-1].people == 2 and 0 < card.cpu_parity[-1].mean < 0.5
    with pytest.raises(ParityError, match=r"the fused-640x480 graph in fp16 moves .*world landmarks: .*--precision"):
        Judge(lambda: evidence, LIMITS_MM).typed(job)


def test_a_frame_belongs_to_the_fused_graph() -> None:
    assert in_order(["live", "fused", "detector"], (640, 480)) == ["detector", "live", "fused-640x480"]
    for named in (None, ["detector"]):
        with pytest.raises(BuildError, match="--frame belongs to the fused graph .*--graph fused"):
            in_order(named, (640, 480))
    with pytest.raises(
        BuildError, match="is asked for as `di2pose build --graph fused --frame 640x480`; a Triton server"
    ):
        in_order(["fused-640x480"])


def test_the_fused_graph_is_held_to_the_limits_of_both_networks(fused_graph: OnnxGraph, evidence: Evidence) -> None:
    """In fp16 BlazePose's last sum moves the world landmarks, which this graph hands out too."""
    job = PlanJob(fused_graph, "none", Precision.FP16, SM86)
    with pytest.raises(ParityError, match=r"the fused graph in fp16 moves .*world landmarks: mean .* mm .*--precision"):
        Judge(lambda: evidence, LIMITS_MM).typed(job)


def test_the_live_model_is_judged_on_what_the_converted_landmark_network_says(
    evidence: Evidence, tmp_path: Path
) -> None:
    """Alone it only rounds; through the chain it inherits what half precision does to the world landmarks."""
    live = read_onnx(stored(live_of_world(), tmp_path / "live.onnx"), "live")
    judge = Judge(lambda: evidence, (1000.0, 10_000.0))
    heavy = graph_named("landmark")
    (world, _) = judge.typed(PlanJob(heavy, "blazepose", Precision.FP16, SM86)).differences
    alone, chained = judge.typed(PlanJob(live, "none", Precision.FP16, SM86)).differences
    assert alone.mean < 0.5 < world.mean / 2 < chained.mean < 2 * world.mean


def test_a_graph_that_fails_the_gate_leaves_no_file(landmark: OnnxGraph, evidence: Evidence, tmp_path: Path) -> None:
    job = PlanJob(landmark, "blazepose", Precision.FP16, SM86)
    with pytest.raises(ParityError, match="landmark graph in fp16"):
        Judge(lambda: evidence, LIMITS_MM).typed(job)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_changed_after_the_build_is_refused(rtx: Library, tmp_path: Path) -> None:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    job = PlanJob(graph, "none", Precision.FP32, SM86)
    built = build_plan(job, unchanged(job), rtx, directory=tmp_path)
    check_plan(built.path, rtx, gpu=GPU)
    content = bytearray(built.path.read_bytes())
    content[len(content) // 2] ^= 1
    built.path.write_bytes(content)
    with pytest.raises(PlanError, match="not the one that was built.*di2pose build --library tensorrt-rtx"):
        check_plan(built.path, rtx, gpu=GPU)


def test_a_rehearsal_finds_what_is_wrong_and_writes_nothing(rtx: Library, tmp_path: Path) -> None:
    free = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    assert rehearse(PlanJob(free, "none", Precision.FP16, SM86), rtx)[0].max == (16, 8)
    model = two_layers()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "length"
    wide = read_onnx(stored(model, tmp_path / "wide.onnx"))
    with pytest.raises(BuildError, match="open axis"):
        rehearse(PlanJob(wide, "none", Precision.FP16, SM86), rtx)
    assert not list(tmp_path.glob("*.plan*"))


def test_a_build_that_fails_leaves_no_old_sidecar_that_could_lie(rtx: Library, tmp_path: Path) -> None:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    job = PlanJob(graph, "none", Precision.FP32, SM86)
    first = build_plan(job, unchanged(job), rtx, directory=tmp_path)
    again = build_plan(job, unchanged(job), rtx, directory=tmp_path)
    assert card_path(first.path).is_file() and read_card(again.path).plan_sha256 == sha256_of(again.path)


def test_bf16_is_not_offered(landmark: OnnxGraph) -> None:
    with pytest.raises(BuildError, match="bf16 is not offered"):
        PlanJob(landmark, "blazepose", Precision.BF16, SM86)


def test_without_a_live_model_the_error_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.build.graphs.shipped_graph", lambda: tmp_path / "di2pose.onnx")
    with pytest.raises(BuildError, match="export onnx.*--live-graph"):
        graph_named("live")
    with pytest.raises(BuildError, match="'feet'"):
        graph_named("feet")


def test_the_landmark_network_comes_before_the_live_model_that_it_feeds() -> None:
    assert in_order(["live", "landmark", "live"]) == ["landmark", "live"]
    assert in_order(None) == ["detector", "landmark", "live"]
    with pytest.raises(BuildError, match="'feet'"):
        in_order(["detector", "feet"])


def test_the_fused_graph_is_built_only_when_it_is_named() -> None:
    assert in_order(["fused"]) == ["fused"]
    assert in_order(["fused", "detector"]) == ["detector", "fused"]


def test_fp32_is_not_judged_and_needs_no_people(landmark: OnnxGraph) -> None:
    def nobody() -> Evidence:
        raise AssertionError("nobody is asked for")

    judged = Judge(nobody, LIMITS_MM).typed(PlanJob(landmark, "blazepose", Precision.FP32, SM86))
    assert judged.model is landmark.model and judged.differences == ()
