"""A plan of the fused graph, where one fits, takes the place of landmark network and live model."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from onnx_plans import OnnxLibrary, networks_on, stored_plan_of
from single_precision import SinglePrecision
from small_graphs import live_of_everything, stored

from engine.blazepose.networks import detector_onnx
from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.body.pose import PersonPose
from engine.build.fused import fused_onnx
from engine.build.graphs import encoder_path
from engine.runtime.framed_estimator import FrameSizeError
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from engine.runtime.plan_card import read_card
from engine.runtime.plan_networks import AutoNetworks
from realtime.config import LineConfig
from realtime.frame import Frame
from realtime.gpu_gate import gate_on_demo
from realtime.parts import camera_choice, estimator_graphs, estimator_named, live_parts
from realtime.person import TrackedPerson
from realtime.spread_pictures import spread_pictures


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("engine.build.fused.cache_dir", lambda: tmp_path)
    return stored(live_of_everything(), tmp_path / "live.onnx")


def estimated(live: Path, networks: Networks) -> tuple[list[PersonPose], str]:
    """Five people: more than one run of the plan takes."""
    (picture,) = spread_pictures("demo", 1)
    height, width = picture.shape[:2]
    regions = [Region((width / 2, height / 2), share * height, 0.1) for share in (0.5, 0.6, 0.7, 0.8, 0.9)]
    crops = [PersonCrop(number, *cut(picture, region, 256)) for number, region in enumerate(regions)]
    with estimator_named(str(live), LineConfig(threads=1), networks=networks) as estimator:
        return estimator.poses(crops, Camera.from_fov((width, height))), estimator.weights


def test_it_gives_the_same_poses_under_the_same_name_and_passes_the_gate(live: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "plans"
    shelf.mkdir()
    stored_plan_of("fused", fused_onnx(encoder_path(), live), shelf)
    networks = networks_on(shelf, OnnxLibrary(), gate_on_demo)
    wanted, weights = estimated(live, SinglePrecision())
    found, fused_weights = estimated(live, networks)
    assert networks.in_use == {"fused": "tensorrt on cuda:0"} and fused_weights == weights
    for one, other in zip(wanted, found, strict=True):
        assert one.person_id == other.person_id
        np.testing.assert_allclose(other.joints_mm, one.joints_mm, atol=0.1)
        np.testing.assert_allclose(other.joints_px, one.joints_px, atol=0.1)


def test_a_plan_of_another_live_model_is_not_used_and_that_is_said(
    live: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = tmp_path / "plans"
    shelf.mkdir()
    stored_plan_of("fused", live, shelf)
    networks = networks_on(shelf, OnnxLibrary(), gate_on_demo)
    assert list(estimator_graphs(str(live), networks)) == ["landmark", "live"]
    assert any("fused: not used (" in text and "another fused graph" in text for text in caplog.messages)


def test_without_such_a_plan_nothing_is_fused(live: Path, tmp_path: Path) -> None:
    for networks in (OnnxRuntimeNetworks(), networks_on(tmp_path / "plans", OnnxLibrary(), gate_on_demo)):
        assert list(estimator_graphs(str(live), networks)) == ["landmark", "live"]
    assert not (tmp_path / "fused").exists()


FRAMED = "fused-640x480"


def line_on(live: Path, networks: Networks, frame: Frame) -> list[TrackedPerson]:
    with live_parts(str(live), LineConfig(threads=1), camera_of=camera_choice(), networks=networks) as parts:
        return parts.line.people(frame)


@pytest.fixture
def shelf(live: Path, tmp_path: Path) -> Path:
    """Plans of the detector and of the fused graph for frames of the bundled clip, and nothing for crops."""
    directory = tmp_path / "plans"
    directory.mkdir()
    stored_plan_of("detector", detector_onnx(), directory)
    stored_plan_of(FRAMED, fused_onnx(encoder_path(), live, (640, 480)), directory)
    return directory


@pytest.fixture
def frame() -> Frame:
    return Frame(0, 0, spread_pictures("demo", 1)[0], 0.0)


def test_a_line_hands_the_frame_to_a_plan_that_cuts_and_finds_the_same_people(
    live: Path, shelf: Path, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = networks_on(shelf, OnnxLibrary(), gate_on_demo)
    wanted = line_on(live, SinglePrecision(), frame)
    with monkeypatch.context() as patch:
        patch.setattr("engine.blazepose.uncut.cut", lambda *_: pytest.fail("a crop was cut on the CPU"))
        found = line_on(live, networks, frame)
    assert len(found) == len(wanted) == 1
    np.testing.assert_allclose(found[0].pose.joints_mm, wanted[0].pose.joints_mm, atol=0.1)
    np.testing.assert_allclose(found[0].pose.joints_px, wanted[0].pose.joints_px, atol=0.1)
    assert networks.in_use == dict.fromkeys(("detector", FRAMED), "tensorrt on cuda:0")
    card = read_card(shelf / f"{FRAMED}.fp32.sm86.plan")
    assert card.parity != "pending" and len(card.parity) == 6 and all(entry.holds for entry in card.parity)


def test_people_are_followed_to_the_last_bit_as_with_a_plan_of_crops(live: Path, shelf: Path, tmp_path: Path) -> None:
    """A difference in one crop would move the next one."""
    crops = tmp_path / "crops"
    stored_plan_of("detector", detector_onnx(), crops)
    stored_plan_of("fused", fused_onnx(encoder_path(), live), crops)
    followed = []
    for directory in (shelf, crops):
        networks = networks_on(directory, OnnxLibrary(), gate_on_demo)
        with live_parts(str(live), LineConfig(threads=1), camera_of=camera_choice(), networks=networks) as parts:
            pictures = spread_pictures("demo", 12)
            followed.append([parts.line.people(Frame(i, 0, each, i / 30)) for i, each in enumerate(pictures)])
        assert len(networks.in_use) == 2
    assert sum(map(len, followed[0])) >= len(followed[0])
    for ours, theirs in zip(*followed, strict=True):
        assert [(one.person_id, one.state) for one in ours] == [(one.person_id, one.state) for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.pose.joints_mm, other.pose.joints_mm)
            np.testing.assert_array_equal(one.pose.joints_px, other.pose.joints_px)


def test_frames_of_another_size_go_to_a_plan_of_crops_where_there_is_one_and_are_refused_where_none_is(
    live: Path, shelf: Path, frame: Frame, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    smaller = Frame(0, 0, np.ascontiguousarray(frame.image_rgb[:440]), 0.0)
    networks = networks_on(shelf, OnnxLibrary(), gate_on_demo)
    assert list(estimator_graphs(str(live), networks)) == [FRAMED]
    with pytest.raises(FrameSizeError, match="take frames of 640x480 and no frames of 640x440"):
        line_on(live, networks, smaller)
    stored_plan_of("fused", fused_onnx(encoder_path(), live), shelf)
    assert list(estimator_graphs(str(live), networks)) == [FRAMED, "fused"]
    (found,), (wanted,) = line_on(live, networks, smaller), line_on(live, SinglePrecision(), smaller)
    np.testing.assert_allclose(found.pose.joints_mm, wanted.pose.joints_mm, atol=0.1)
    assert any("people in frames of 640x440 are cut out on the CPU" in text for text in caplog.messages)


def test_auto_runs_crops_on_the_cpu_where_only_frames_have_a_plan(live: Path, shelf: Path, frame: Frame) -> None:
    auto = AutoNetworks(networks_on(shelf, OnnxLibrary(), gate_on_demo))
    assert list(estimator_graphs(str(live), auto)) == [FRAMED, "landmark", "live"]
    assert len(line_on(live, auto, Frame(0, 0, np.ascontiguousarray(frame.image_rgb[:440]), 0.0))) == 1
    assert auto.in_use == {
        "detector": "tensorrt on cuda:0",
        FRAMED: "tensorrt on cuda:0",
        "landmark": "onnxruntime on cpu",
        "live": "onnxruntime on cpu",
    }


def test_a_plan_that_cuts_for_another_live_model_is_not_used_and_that_is_said(
    live: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    directory = tmp_path / "plans"
    directory.mkdir()
    stored_plan_of(FRAMED, live, directory)
    networks = networks_on(directory, OnnxLibrary(), gate_on_demo)
    assert list(estimator_graphs(str(live), networks)) == ["landmark", "live"]
    assert any(f"{FRAMED}: not used (" in text and f"another {FRAMED} graph" in text for text in caplog.messages)
