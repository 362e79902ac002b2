"""Which plan stands for a graph: exactly that graph, library and GPU; each other one is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_gpu import CONTENT, HERE, FakeLibrary, stored_plan

from engine.blazepose.cache import sha256_of
from engine.runtime.gpu import Gpu
from engine.runtime.plan_card import ParityCard, PrecisionCard, card_path
from engine.runtime.plan_choice import GraphAsked, NoPlanError, PlanShelf, engines_dir
from engine.runtime.tensorrt_library import LIBRARIES, Library, LibraryMissingError


@pytest.fixture
def asked(tmp_path: Path) -> GraphAsked:
    path = tmp_path / "landmark.onnx"
    path.write_bytes(b"a graph")
    return GraphAsked("landmark", path)


def shelf_in(directory: Path, *libraries: str) -> PlanShelf:
    return PlanShelf(directory, libraries or ("tensorrt",), FakeLibrary().library)


def fitting(directory: Path, asked: GraphAsked, file: str, **changed: object) -> Path:
    return stored_plan(directory, file, **({"onnx_sha256": sha256_of(asked.path)} | changed))


def test_the_narrowest_fitting_precision_is_taken(tmp_path: Path, asked: GraphAsked) -> None:
    plans = tmp_path / "plans"
    for precision in ("fp32", "mixed", "fp16", "int8"):
        fitting(plans, asked, f"landmark.{precision}.plan", precision=PrecisionCard(precision, 1, 2))
    chosen = shelf_in(plans).chosen(asked, HERE)
    assert chosen.plan.name == "landmark.int8.plan" and chosen.card.precision.asked == "int8"
    chosen.plan.write_bytes(CONTENT + b"!")
    assert shelf_in(plans).chosen(asked, HERE).plan.name == "landmark.fp16.plan", "a damaged one is passed over"


def test_the_libraries_are_taken_in_their_order(tmp_path: Path, asked: GraphAsked) -> None:
    plans = tmp_path / "plans"
    fitting(plans, asked, "a.plan", library="tensorrt-rtx")
    fitting(plans, asked, "b.plan", library="tensorrt", precision=PrecisionCard("fp32", 0, 2))
    assert shelf_in(plans, *LIBRARIES).chosen(asked, HERE).plan.name == "b.plan"
    assert shelf_in(plans, "tensorrt-rtx").chosen(asked, HERE).plan.name == "a.plan"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"onnx_sha256": "cd" * 32}, "another landmark graph"),
        ({"library_version": "1.6"}, "built by tensorrt 1.6, installed is 1.7.1.116"),
        ({"library": "tensorrt-rtx"}, "built by tensorrt-rtx, and tensorrt was chosen"),
        ({"target": "sm89"}, "built for sm89, RTX A2000"),
        (
            {"parity": (ParityCard("joints", "mm", 3.0, 40.0, 1.0, 10.0, 9),)},
            "failed its comparison with fp32 on the GPU .joints: mean 3.00 mm .limit 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(
    tmp_path: Path, asked: GraphAsked, changed: dict[str, object], said: str
) -> None:
    fitting(tmp_path / "plans", asked, "landmark.plan", **changed)
    with pytest.raises(NoPlanError, match=said) as caught:
        shelf_in(tmp_path / "plans").chosen(asked, HERE)
    assert "landmark.plan" in caught.value.reason
    assert "Build one: di2pose build --library tensorrt --precision mixed --graph landmark" in str(caught.value)


def test_a_plan_without_sidecar_or_of_another_graph_does_not_count(tmp_path: Path, asked: GraphAsked) -> None:
    plans = tmp_path / "plans"
    fitting(plans, asked, "live.plan", graph="live")
    with pytest.raises(NoPlanError, match="there is no plan of the landmark graph"):
        shelf_in(plans).chosen(asked, HERE)
    card_path(fitting(plans, asked, "landmark.plan")).unlink()
    with pytest.raises(NoPlanError, match="no readable sidecar"):
        shelf_in(plans).chosen(asked, HERE)


def test_a_missing_directory_holds_no_plans_and_a_missing_network_is_named(tmp_path: Path, asked: GraphAsked) -> None:
    with pytest.raises(NoPlanError, match="there is no plan"):
        shelf_in(tmp_path / "nowhere").chosen(asked, HERE)
    with pytest.raises(NoPlanError, match="there is no network"):
        shelf_in(tmp_path).chosen(GraphAsked("live", tmp_path / "own.onnx", is_own=True), HERE)


def test_a_library_that_is_not_installed_is_asked_for_once_and_named(tmp_path: Path, asked: GraphAsked) -> None:
    calls: list[str] = []

    def missing(name: str) -> Library:
        calls.append(name)
        raise LibraryMissingError(f"{name} cannot be imported; install it: pip install 'di2pose[gpu]'")

    for file in ("a.plan", "b.plan"):
        fitting(tmp_path / "plans", asked, file)
    with pytest.raises(NoPlanError, match=r"pip install 'di2pose\[gpu\]'"):
        PlanShelf(tmp_path / "plans", ("tensorrt",), missing).chosen(asked, HERE)
    assert calls == ["tensorrt"]


def test_the_command_builds_for_this_gpu_where_the_line_looks(tmp_path: Path, asked: GraphAsked) -> None:
    own = GraphAsked("live", tmp_path / "own.onnx", is_own=True)
    assert shelf_in(tmp_path, *LIBRARIES).build_command(own, HERE) == (
        f"di2pose build --library tensorrt-rtx --precision mixed --graph live --live-graph {own.path} "
        f"--computeCapabilities sm86 --out {tmp_path}"
    )
    usual = shelf_in(engines_dir(), *LIBRARIES).build_command(asked, Gpu("H100", "9.0"))
    assert usual == "di2pose build --library tensorrt --precision mixed --graph landmark", "no RTX target, no --out"
