"""Plans of the real graphs by the real library, and what it refuses, in its own words with a cure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from small_graphs import stored, two_layers, unsupported

from engine.build.build_error import BuildError
from engine.build.build_options import BuildOptions
from engine.build.build_progress import BuildProgress
from engine.build.builder import check_parses, library_to_build, plan_bytes
from engine.build.onnx_file import read_onnx
from engine.build.precision import Precision, converted
from engine.build.shapes import ShapeOptions, batch_shapes, shape_ranges
from engine.runtime.plan_card import ShapeRange
from engine.runtime.tensorrt_library import LIBRARIES, Library

SM86 = BuildOptions("tensorrt-rtx", "sm86", workspace_bytes=1 << 28)
PERSONS = (ShapeRange("x", (1, 8), (1, 8), (16, 8)),)


def test_a_plan_is_built_and_progress_rises_to_the_end(rtx: Library) -> None:
    reports: list[BuildProgress] = []
    plan = plan_bytes(rtx, two_layers(), SM86, shapes=PERSONS, report=reports.append)
    assert len(plan) > 1000
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions) and fractions[-1] > 0.8
    assert all(report.left_s is None or report.left_s >= 0 for report in reports)


def test_half_precision_makes_a_smaller_plan(rtx: Library, evidence: object) -> None:
    from engine.build.graphs import graph_named

    graph = graph_named("detector")
    ranges = shape_ranges(graph.inputs, batch_shapes(graph.inputs))
    half = plan_bytes(rtx, converted(graph.model, Precision.FP16), SM86, shapes=ranges)
    assert 5_000_000 < len(half) < 0.7 * len(plan_bytes(rtx, graph.model, SM86, shapes=ranges))


def test_single_precision_is_not_rounded_to_ten_bits_and_layers_are_kept_in_detail(rtx: Library) -> None:
    """TF32 is on by default; neither the reference nor what a gate kept in single precision may be computed in it.
    Types of layers are in the plan only where that was asked."""
    configs = []

    class Watched(rtx.module.Builder):
        def create_builder_config(self) -> object:
            configs.append(super().create_builder_config())
            return configs[-1]

    module = SimpleNamespace(**(vars(rtx.module) | {"Builder": Watched}))
    plan_bytes(Library(rtx.name, rtx.version, module), two_layers(), SM86, shapes=PERSONS)
    assert not configs[0].get_flag(rtx.module.BuilderFlag.TF32)
    assert configs[0].profiling_verbosity == rtx.module.ProfilingVerbosity.DETAILED


def test_what_the_report_raises_ends_the_build(rtx: Library) -> None:
    def give_up(_: BuildProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan_bytes(rtx, two_layers(), SM86, shapes=PERSONS, report=give_up)


def test_an_unsupported_operation_is_named_in_the_parsers_words(rtx: Library) -> None:
    with pytest.raises(BuildError, match=r"tensorrt-rtx: the graph has an operation .*(Unique|Det).*onnxruntime"):
        check_parses(rtx, unsupported())


def test_a_graph_that_contradicts_itself_is_a_build_error(rtx: Library, tmp_path: Path) -> None:
    model = two_layers()
    model.graph.node[2].input[1] = "w1"  # (16) against (8, 16)
    with pytest.raises(BuildError, match="tensorrt-rtx"):
        plan_bytes(rtx, model, SM86, shapes=PERSONS)


def test_the_library_says_so_when_an_axis_is_open(rtx: Library) -> None:
    """Ours is found before (test_shapes.py); this is what would pass it by."""
    with pytest.raises(BuildError, match="missing dimensions.*Cure: give sizes for every open axis"):
        plan_bytes(rtx, two_layers(), SM86, shapes=())


def test_an_unknown_target_lists_the_known_ones(rtx: Library) -> None:
    with pytest.raises(BuildError, match=r"does not build for sm90; it knows .*sm86.*--library tensorrt"):
        library_to_build(BuildOptions("tensorrt-rtx", "sm90"))


def test_current_needs_a_driver(rtx: Library) -> None:
    from engine.runtime.gpu import gpu_here

    if gpu_here() is not None:
        pytest.skip("this machine has a GPU, for which `current` is right")
    with pytest.raises(BuildError, match="driver.*Cure: .*--computeCapabilities"):
        plan_bytes(rtx, two_layers(), BuildOptions("tensorrt-rtx", "current"), shapes=PERSONS)


def test_a_library_that_is_not_installed_says_what_to_install() -> None:
    for name in LIBRARIES:
        try:
            library_to_build(BuildOptions(name, "sm86" if name == "tensorrt-rtx" else None))
        except BuildError as error:
            assert f"pip install 'di2pose[{'gpu-rtx' if name == 'tensorrt-rtx' else 'gpu'}]'" in str(error)
    with pytest.raises(BuildError, match="choose tensorrt or tensorrt-rtx"):
        library_to_build(BuildOptions("tensorflow"))


def test_ranges_of_a_file_reach_the_library(rtx: Library, tmp_path: Path) -> None:
    graph = read_onnx(stored(two_layers(), tmp_path / "two.onnx"))
    ranges = shape_ranges(graph.inputs, ShapeOptions(opt={"x": (4, 8)}))
    assert plan_bytes(rtx, graph.model, SM86, shapes=ranges)
