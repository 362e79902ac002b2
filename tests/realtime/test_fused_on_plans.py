"""A plan of the fused graph, where one fits, takes the place of landmark network and live model."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from onnx_plans import OnnxLibrary, networks_on, stored_plan_of
from small_graphs import live_of_everything, stored

from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.body.pose import PersonPose
from engine.build.fused import fused_onnx
from engine.build.graphs import encoder_path
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from realtime.config import LineConfig
from realtime.gpu_gate import gate_on_demo
from realtime.parts import estimator_graphs, estimator_named
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
    wanted, weights = estimated(live, OnnxRuntimeNetworks())
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
