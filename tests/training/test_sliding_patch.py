"""The grid of 3DPW-AdvOcc has the protocol's sizes and covers what it should."""

from __future__ import annotations

import numpy as np
import pytest

from training.sliding_patch import outside_patch, patch_positions


@pytest.mark.parametrize(
    ("size_wh", "patch_px", "count"),
    [((192, 256), 40, 391), ((192, 256), 80, 247), ((256, 256), 40, 529), ((256, 256), 80, 361)],
)
def test_the_grid_has_the_protocols_size(size_wh: tuple[int, int], patch_px: int, count: int) -> None:
    corners = patch_positions(size_wh, patch_px)
    assert len(np.unique(corners, axis=0)) == len(corners) == count
    assert (corners % 10 == 0).all()
    assert corners.min() == 0


def test_every_pixel_is_covered_at_some_position() -> None:
    covered = np.zeros((256, 192), bool)
    for x, y in patch_positions((192, 256), 40):
        covered[y : y + 40, x : x + 40] = True
    assert covered.all()


def test_joints_under_the_patch_are_not_scored() -> None:
    joints = np.array([[5.0, 5.0], [39.9, 10.0], [40.0, 10.0], [-1.0, 3.0]])
    assert outside_patch(joints, np.array([0, 0]), 40).tolist() == [False, False, True, True]


def test_a_patch_larger_than_the_crop_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        patch_positions((192, 256), 200)
