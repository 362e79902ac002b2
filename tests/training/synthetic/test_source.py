"""Whole crops: picture and truth belong together, and depend on seed and number alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engine.body.crop import inverted, transformed
from training.synthetic import recipe
from training.synthetic.cast import Cast
from training.synthetic.raster import Raster
from training.synthetic.scene import Crop
from training.synthetic.source import KINDS, SceneSource

COUNT = 24


@pytest.fixture(scope="module")
def raster() -> Iterator[Raster]:
    with Raster() as raster:
        yield raster


@pytest.fixture(scope="module")
def source(cast: Cast, raster: Raster) -> SceneSource:
    return SceneSource(cast, seed=3, plan=KINDS["occluded"], raster=raster)


@pytest.fixture(scope="module")
def crops(source: SceneSource) -> list[Crop]:
    return [source.crop(index) for index in range(COUNT)]


def test_projected_joints_are_the_2d_joints(crops: list[Crop]) -> None:
    for crop in crops:
        again = crop.camera.project(crop.joints_mm.astype(np.float64) + crop.root_mm)
        assert np.abs(again - crop.joints_px).max() < 0.01
        assert not crop.joints_mm[0].any()


def test_a_crop_is_the_same_whatever_was_drawn_before(cast: Cast, raster: Raster, crops: list[Crop]) -> None:
    fresh = SceneSource(cast, seed=3, plan=KINDS["occluded"], raster=raster)
    for index in (COUNT - 1, 5):
        crop = fresh.crop(index)
        assert np.array_equal(crop.image_rgb, crops[index].image_rgb)
        assert np.array_equal(crop.joints_mm, crops[index].joints_mm)
        assert np.array_equal(crop.visible, crops[index].visible)


def test_another_seed_gives_other_crops(cast: Cast, raster: Raster, crops: list[Crop]) -> None:
    other = SceneSource(cast, seed=4, plan=KINDS["occluded"], raster=raster).crop(0)
    assert not np.array_equal(other.joints_mm, crops[0].joints_mm)


def test_visible_joints_lie_in_frame_and_crop(crops: list[Crop]) -> None:
    for crop in crops:
        in_crop = transformed(crop.joints_px, inverted(crop.frame_from_crop))[crop.visible]
        assert (np.abs(in_crop - 127.5) <= 128).all()
        assert (crop.joints_px[crop.visible] >= -0.5).all()
        assert (crop.joints_px[crop.visible] <= np.array(crop.camera.size_wh) - 0.5).all()


def test_obstacles_hide_joints_that_are_seen_without_them(cast: Cast, raster: Raster, crops: list[Crop]) -> None:
    plain = SceneSource(cast, seed=3, plan=KINDS["plain"], raster=raster)
    free = np.mean([plain.crop(index).visible.mean() for index in range(COUNT)])
    covered = np.mean([crop.visible.mean() for crop in crops])
    assert covered < free - 0.1
    assert any(crop.about["occluders"] for crop in crops)


def test_a_recipe_names_every_kind() -> None:
    assert set(recipe.KINDS) == set(KINDS)
