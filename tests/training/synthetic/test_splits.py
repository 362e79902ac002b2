"""The test sets: fixed recipes, windows with a moved map, patches that cover what they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_source import SmallOpening, SmallSource, small_recipe

from engine.body.crop import inverted, transformed
from training.data_directory import DataDirectory
from training.sliding_patch import outside_patch
from training.synthetic.dataset import Dataset
from training.synthetic.opening import windowed
from training.synthetic.recipe import Patch, Recipe, RecipeError, fingerprint
from training.synthetic.rendering import render
from training.synthetic.splits import WINDOW_WH, chosen, split_recipes


def test_the_sets_of_the_issue() -> None:
    sets = split_recipes("data")
    assert {name: recipe.count for name, recipe in sets.items()} == {
        "syn": 2000, "syn-occ": 2000, "syn-advocc40": 200, "syn-advocc80": 200,
    }  # fmt: skip
    assert {recipe.split for recipe in sets.values()} == {"test"}
    positions = [len(one.patch.positions(one.window_wh)) for one in sets.values() if one.patch and one.window_wh]
    assert positions == [391, 247]
    assert len({(recipe.seed, recipe.kind) for recipe in sets.values()}) == 3


def test_sets_are_chosen_by_name() -> None:
    sets = split_recipes("")
    assert list(chosen(sets, ["syn-occ"])) == ["syn-occ"] and chosen(sets, None) == sets
    with pytest.raises(RecipeError, match="'syn-oc'; choose from syn, syn-occ"):
        chosen(sets, ["syn-oc"])


def test_a_window_shows_the_same_pixels_of_the_frame() -> None:
    source = SmallSource()
    for whole in (source.crop(number) for number in range(8)):
        window = windowed(whole, WINDOW_WH)
        assert window.image_rgb.shape == (256, 192, 3)
        assert (window.image_rgb == whole.image_rgb[:, 32:224]).all()
        corner_px = transformed((0, 0), window.frame_from_crop)
        assert np.allclose(corner_px, transformed((32, 0), whole.frame_from_crop))
        x_px = transformed(whole.joints_px, inverted(whole.frame_from_crop))[:, 0]
        assert (window.visible == (whole.visible & (x_px >= 31.5) & (x_px <= 223.5))).all()


def test_a_set_of_windows_keeps_its_patch_on_disk(tmp_path: Path) -> None:
    recipe = replace(small_recipe(3), window_wh=WINDOW_WH, patch=Patch(40, 5))
    render(recipe, tmp_path, opening=SmallOpening(seed=7))
    stored = Dataset.open(tmp_path)
    assert stored.card.recipe == recipe
    assert [crop.image_rgb.shape for crop in stored] == [(256, 192, 3)] * 3


@pytest.mark.parametrize("size_px", [40, 80])
def test_a_patch_covers_its_square_and_nothing_else(size_px: int) -> None:
    patch, image_rgb = Patch(size_px, 1), np.zeros((256, 192, 3), np.uint8)
    texture = np.maximum(patch.texture(3), 1)
    assert (patch.texture(3) == patch.texture(3)).all() and (patch.texture(3) != patch.texture(4)).any()
    x, y = np.meshgrid(np.arange(192), np.arange(256))
    for corner_px in patch.positions((192, 256))[::50]:
        covered = (patch.laid_on(image_rgb, texture, corner_px=corner_px) > 0).all(axis=2)
        assert (covered == ~outside_patch(np.stack([x, y], axis=-1), corner_px, size_px)).all()
    assert not image_rgb.any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "validation"}, "'validation' is not one of train, test"),
        ({"kind": "dark"}, "'dark' is not one of plain, mixed, occluded"),
        ({"count": 0}, "count must be at least 1"),
        ({"seed": -1}, "seed must not be negative"),
    ],
)
def test_settings_that_make_no_sense_are_quoted(change: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Recipe(**{"seed": 1, "split": "train", "kind": "plain", "count": 1, **change})


def test_the_fingerprint_notices_other_data(tmp_path: Path) -> None:
    (tmp_path / "motion").mkdir()
    data = DataDirectory(tmp_path)
    empty = fingerprint(data)
    (tmp_path / "motion" / "01_01.bvh").write_text("HIERARCHY")
    one = fingerprint(data)
    (tmp_path / "motion" / "01_01.bvh").write_text("HIERARCHY, longer")
    assert len({empty, one, fingerprint(data)}) == 3
