"""Bodies of human proportions; those of the test are none of training's."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import random_turns, standing

from engine.body.skeleton import H36M17
from training.bodies import (
    bone_lengths_mm,
    cell_parity,
    draw_offsets_mm,
    mean_offsets_mm,
    posed_mm,
)
from training.cmu import Split


@pytest.mark.parametrize("split", ["train", "test"])
def test_lengths_are_an_adults(split: Split) -> None:
    lengths = bone_lengths_mm(posed_mm(standing(5000), draw_offsets_mm(np.random.default_rng(0), 5000, split=split)))
    hips = lengths[:, 0] + lengths[:, 3]
    assert 255 < hips.mean() < 275  # 265 mm on a man in Human3.6M
    assert hips.min() > 180
    assert hips.max() < 345
    thigh, shank, upper_arm, forearm = lengths[:, [1, 2, 11, 12]].T
    assert (np.abs(thigh / shank - 1) < 0.2).all()  # CMU's own skeleton has a shank a quarter longer than the thigh
    assert (upper_arm > forearm * 0.95).all()


def test_left_and_right_have_the_same_lengths() -> None:
    offsets = draw_offsets_mm(np.random.default_rng(1), 100, split="train")
    np.testing.assert_allclose(offsets[:, H36M17.mirror_rows] * [-1, 1, 1], offsets, atol=1e-4)


def test_bone_lengths_do_not_change_with_the_motion() -> None:
    offsets = np.repeat(draw_offsets_mm(np.random.default_rng(2), 1, split="train"), 200, axis=0)
    lengths = bone_lengths_mm(posed_mm(random_turns(200, spread_rad=1.5), offsets))
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=0.01)


def test_a_body_at_rest_stands_in_a_t_pose() -> None:
    joints = dict(zip(H36M17.names, posed_mm(standing(1), mean_offsets_mm(1))[0], strict=True))
    assert joints["left_wrist"][0] > 500
    assert joints["right_ankle"][1] < -800
    assert joints["head_top"][1] > joints["neck_nose"][1] > joints["thorax"][1] > 400
    assert joints["neck_nose"][2] > joints["thorax"][2]  # the face is at the front


def test_test_bodies_lie_in_cells_where_no_training_body_lies() -> None:
    """Recovered from the bones: neighbouring cells differ in parity, so a small change of height changes sides."""
    heights = np.linspace(1501, 1949, 400)
    parity = cell_parity(heights, np.full(400, 0.1), np.full(400, 0.1))
    assert 0.4 < parity.mean() < 0.6
    np.testing.assert_array_equal(parity, ~cell_parity(heights + 50, np.full(400, 0.1), np.full(400, 0.1)))
    np.testing.assert_array_equal(parity, ~cell_parity(heights, np.full(400, 0.1 + 0.75), np.full(400, 0.1)))
    train, test = (draw_offsets_mm(np.random.default_rng(5), 300, split=split) for split in ("train", "test"))
    assert not set(map(bytes, train)) & set(map(bytes, test))
