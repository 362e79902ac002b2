"""Patches over finished pictures: where they are drawn is what they cover, and their sides are level in the frame."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic.cutouts import CutoutRange, draw_cutouts

SIZE_PX = 256
ALWAYS = CutoutRange(share=1.0, second=0.0)
IMAGE = np.full((SIZE_PX, SIZE_PX, 3), 77, np.uint8)


def turned(angle_rad: float) -> np.ndarray:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[3 * cos, -3 * sin, 40.0], [3 * sin, 3 * cos, 60.0]])


def drawn(seed: int, *, angle_rad: float = 0.0, plan: CutoutRange = ALWAYS):
    rng = np.random.default_rng(seed)
    joints = np.random.default_rng([seed, 1]).uniform(60, 200, (17, 2))
    return draw_cutouts(rng, joints, frame_from_crop=turned(angle_rad), size_px=SIZE_PX, plan=plan), joints


@pytest.mark.parametrize("seed", range(8))
def test_what_changes_in_the_picture_is_what_the_patch_covers(seed: int) -> None:
    (cutout,), _ = drawn(seed, angle_rad=0.4)
    changed = (cutout.laid_on(IMAGE) != 77).any(axis=2)
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    covered = cutout.covers(np.column_stack([x.ravel(), y.ravel()])).reshape(SIZE_PX, SIZE_PX)
    assert changed.any()
    assert (changed != covered).sum() < 4 * SIZE_PX, "more than the patch's rim differs"
    assert IMAGE.min() == IMAGE.max() == 77


def test_most_patches_lie_over_a_joint() -> None:
    over = [cutouts[0].covers(joints).any() for cutouts, joints in (drawn(seed) for seed in range(60))]
    assert 0.6 < np.mean(over) <= 1.0


def test_sides_are_level_in_the_frame_however_the_crop_is_turned() -> None:
    (cutout,), _ = drawn(3, angle_rad=0.7)
    sides = turned(0.7)[:, :2] @ cutout.picture_from_patch[:, :2]
    np.testing.assert_allclose([sides[1, 0], sides[0, 1]], 0, atol=1e-9)


def test_the_share_is_that_of_the_plan() -> None:
    counts = [len(drawn(seed, plan=CutoutRange(share=0.3, second=0.5))[0]) for seed in range(300)]
    assert 0.2 < np.mean(np.array(counts) > 0) < 0.4 and 2 in counts
    assert drawn(0, plan=CutoutRange())[0] == []


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"side": (0.5, 0.2)}, {"stretch": 0.5}])
def test_a_plan_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CutoutRange(**wrong)  # type: ignore[arg-type]
