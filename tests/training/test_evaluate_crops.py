"""Scoring on crops: who knows the truth has no error, who is off is off by as much, and the picture shows both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from small_source import SmallOpening

from engine.body.camera import Camera
from engine.body.crop import PersonCrop
from engine.body.pose import PersonPose
from engine.body.skeleton_map import LOW_HIPS
from tools.cli import main
from training.crop_figures import PANEL_PX, row_of
from training.evaluate_crops import as_text, crop_errors, poses_of
from training.synthetic.recipe import Recipe
from training.synthetic.rendering import render
from training.synthetic.scene import Crop


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    with SmallOpening(seed=3)() as source:
        return [source.crop(index) for index in range(6)]


class Knowing:
    """Says the truth, moved sideways by so much but for the pelvis; a radius of about 50 mm; hidden as it is."""

    name, weights, crop_size_px = "knowing", "none", 256

    def __init__(self, crops: Sequence[Crop], off_mm: float = 0.0) -> None:
        self.crops, self.off_mm, self.forgotten = crops, off_mm, []

    def poses(self, crops: Sequence[PersonCrop], camera: Camera) -> list[PersonPose]:
        return [self.pose(self.crops[crop.person_id], camera) for crop in crops]

    def pose(self, crop: Crop, camera: Camera) -> PersonPose:
        assert camera is crop.camera
        joints_mm = (LOW_HIPS @ np.asarray(crop.joints_mm)).astype(np.float32)
        joints_mm[1:, 0] += self.off_mm
        spread_mm = np.linspace(45, 55, 17, dtype=np.float32)
        visible = np.asarray(crop.visible)
        root_mm, joints_px = (np.asarray(value, np.float32) for value in (crop.root_mm, crop.joints_px))
        return PersonPose(0, joints_mm, root_mm, joints_px, visible.astype(np.float32), ~visible, 1.0, spread_mm)

    def forget(self, person_id: int) -> None:
        self.forgotten.append(person_id)


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_the_truth_has_no_error_and_hides_what_is_hidden(crops: list[Crop]) -> None:
    knowing = Knowing(crops)
    found = crop_errors(poses_of(knowing, crops), crops)
    assert found.mpjpe_mm == pytest.approx(0, abs=1e-3) and found.pck150 == 1.0 and found.crops == 6
    assert found.spread is not None and found.spread.held == 1.0
    if not all(np.asarray(crop.visible).all() for crop in crops):
        assert found.hidden.recall == 1.0
    assert knowing.forgotten == list(range(6))
    assert "pa_mpjpe_mm" in as_text(found)


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_joints_that_are_off_are_off_by_as_much_and_outside_of_the_radius(crops: list[Crop]) -> None:
    found = crop_errors(poses_of(Knowing(crops, off_mm=80.0), crops), crops)
    assert found.mpjpe_mm == pytest.approx(80 * 16 / 17, abs=0.1)
    assert found.visible_mm == pytest.approx(80, abs=0.1)
    assert found.pa_mpjpe_mm < 40
    assert found.spread is not None and found.spread.held == 0.0


def test_no_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="no crops"):
        crop_errors([], [])


def test_a_row_shows_the_crop_and_two_views_of_each_estimate(crops: list[Crop]) -> None:
    [near], [far] = (poses_of(Knowing(crops[:1], off_mm=off), crops[:1]) for off in (0.0, 300.0))
    row = row_of(crops[0], [near, far], ["near", "far"])
    assert row.shape == (PANEL_PX, 5 * PANEL_PX, 3) and row.dtype == np.uint8
    front_of_near, front_of_far = row[:, PANEL_PX : 2 * PANEL_PX], row[:, 3 * PANEL_PX : 4 * PANEL_PX]
    truth_in_sight = [(panel == 170).all(axis=-1).sum() for panel in (front_of_near, front_of_far)]
    assert truth_in_sight[1] > 1.3 * truth_in_sight[0]  # beside the estimate and not under it


def test_the_command_scores_rendered_crops_and_draws_them(tmp_path: Path, networks_dir: Path) -> None:
    recipe = Recipe(seed=7, split="test", kind="plain", count=6, crops_per_shard=6)
    render(recipe, tmp_path / "set", opening=SmallOpening(seed=7))
    asked = ["--shards", str(tmp_path / "set"), "--estimator", "blazepose", "--json", str(tmp_path / "found.json")]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "crops", *asked, "--figures", str(tmp_path / "sheet.png"), "--beside", "blazepose"])
    assert not ended.value.code
    assert json.loads((tmp_path / "found.json").read_text())["crops"] == 6
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
