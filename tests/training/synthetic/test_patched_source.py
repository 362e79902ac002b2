"""A patch test encoded: every crop with the patch at every position, in the middle of a whole crop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_source import SmallOpening
from tiny_live import encoded_recipe

from engine.body.crop import inverted, transformed
from training.encoded_shards import EncodedShards, encodable, read_rows
from training.synthetic.dataset import Dataset
from training.synthetic.patched_source import UNCOVERED, PatchedOpening
from training.synthetic.recipe import Patch, Recipe
from training.synthetic.rendering import render


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two windows, and a patch so large and steps so long that there are 3 x 5 positions."""
    folder = tmp_path_factory.mktemp("windows")
    recipe: Recipe = replace(encoded_recipe("test", 2), window_wh=(192, 256), patch=Patch(80, 5, stride_px=56))
    render(recipe, folder / "set", opening=SmallOpening(seed=7))
    return folder / "set"


def test_every_position_once_and_nothing_else_changed(windows: Path) -> None:
    dataset = Dataset.open(windows)
    recipe = encodable(dataset.card.recipe)
    assert (recipe.count, recipe.crops_per_shard, recipe.window_wh) == (30, 15, None)
    assert encodable(dataset.card.recipe, first=1).count == 15 and encodable(dataset.card.recipe, first=9).count == 30
    with PatchedOpening(windows)() as source:
        for index in (0, 7, 29):
            crop, stored = source.crop(index), dataset[index // 15]
            x, y = Patch(80, 5, stride_px=56).positions((192, 256))[index % 15]
            window = crop.image_rgb[:, 32:224]
            changed = (window != stored.image_rgb).any(axis=2)
            assert changed[y : y + 80, x : x + 80].mean() > 0.9
            changed[y : y + 80, x : x + 80] = False
            assert not changed.any()
            assert (crop.image_rgb[:, :32] == window[:, :1]).all()


def test_joints_stay_in_place_and_covered_ones_are_named(windows: Path) -> None:
    dataset = Dataset.open(windows)
    with PatchedOpening(windows)() as source:
        crop, stored = source.crop(22), dataset[1]
    before = transformed(stored.joints_px, inverted(stored.frame_from_crop))
    after = transformed(crop.joints_px, inverted(crop.frame_from_crop))
    np.testing.assert_allclose(after - before, np.tile([32.0, 0.0], (17, 1)), atol=1e-3)
    corner = Patch(80, 5, stride_px=56).positions((192, 256))[7]
    covered = ((before >= corner) & (before < corner + 80)).all(axis=1)
    assert crop.about[UNCOVERED] == "".join("01"[int(not value)] for value in covered)
    assert not (crop.visible & covered).any()


def test_the_network_reads_them(windows: Path, tmp_path: Path, networks_dir: Path) -> None:
    recipe = encodable(Dataset.open(windows).card.recipe)
    render(recipe, tmp_path / "encoded", opening=PatchedOpening(windows), form=EncodedShards())
    rows, about = read_rows(tmp_path / "encoded" / "encoded-00001.safetensors")
    assert len(rows) == 15
    assert [entry["position"] for entry in about] == list(range(15))
    assert np.ptp(rows.points, axis=0).max() > 0
