"""The patch over a joint: where, how large, the same for the same seed."""

from __future__ import annotations

import numpy as np

from training.multiview_patch import Patch, choose_patch

JOINTS = np.array([[100.0, 80.0], [300.0, 200.0]])
BOX = np.array([[60.0, 40.0], [316.0, 240.0]])


def test_it_covers_one_of_the_joints_with_80_of_256_of_the_box() -> None:
    middles = set()
    for seed in range(20):
        patch = choose_patch(JOINTS, BOX, rng=np.random.default_rng(seed))
        assert patch is not None and patch.side_px == 80
        middles.add((patch.left_px + 40, patch.top_px + 40))
    assert middles == {(100, 80), (300, 200)}


def test_the_same_seed_gives_the_same_patch() -> None:
    one, other = (choose_patch(JOINTS, BOX, rng=np.random.default_rng([1, 2, 3])) for _ in range(2))
    assert one == other


def test_without_a_joint_or_a_box_there_is_none() -> None:
    rng = np.random.default_rng(0)
    assert choose_patch(JOINTS[:0], BOX, rng=rng) is None
    assert choose_patch(JOINTS, BOX[:0], rng=rng) is None


def test_it_is_opaque_and_cut_off_at_the_edge() -> None:
    picture = np.zeros((50, 60, 3), np.uint8)
    shown = Patch(-10, 30, 25, (1, 2, 3)).laid_over(picture)
    assert (shown[30:50, 0:15] == (1, 2, 3)).all()
    assert int((shown != 0).any(axis=-1).sum()) == 20 * 15
    assert not picture.any(), "the picture itself stays"
    assert not Patch(-30, -30, 20, (9, 9, 9)).laid_over(picture).any()
