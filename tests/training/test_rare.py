"""Each kind of rare pose is what its name says, and human."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import random_turns

from training.bodies import mean_offsets_mm, posed_mm
from training.joint_limits import angles_deg, plausible
from training.rare import RARE, at_table, deep_bend, lying, made_rare, one_leg, overhead, side_lean, sitting, standing

COUNT = 400
TURNS = random_turns(COUNT, spread_rad=0.05)


def joints(turns: np.ndarray) -> np.ndarray:
    return posed_mm(turns.astype(np.float32), mean_offsets_mm(len(turns)))


@pytest.mark.parametrize("kind", list(RARE))
def test_rare_poses_are_human(kind: str) -> None:
    changed = RARE[kind](TURNS, np.random.default_rng(0))
    np.testing.assert_allclose(
        changed @ np.swapaxes(changed, -1, -2), np.broadcast_to(np.eye(3), changed.shape), atol=1e-4
    )
    assert plausible(joints(changed)).mean() > 0.85


def test_leaning_is_to_the_side() -> None:
    thorax = joints(side_lean(TURNS, np.random.default_rng(0)))[:, 8]
    assert (np.abs(thorax[:, 0]) > np.abs(thorax[:, 2])).mean() > 0.9


def test_bending_brings_the_head_to_the_front_and_down() -> None:
    head = joints(deep_bend(TURNS, np.random.default_rng(0)))[:, 10]
    assert (head[:, 2] > 250).all()
    assert head[:, 1].mean() < 250


def test_one_foot_is_off_the_ground() -> None:
    ankles = joints(one_leg(TURNS, np.random.default_rng(0)))[:, [3, 6], 1]
    assert (np.abs(ankles[:, 0] - ankles[:, 1]) > 50).mean() > 0.8


def test_who_stands_has_straight_legs_and_an_upright_trunk() -> None:
    placed = joints(standing(sitting(TURNS, np.random.default_rng(1)), np.random.default_rng(0)))
    angles = angles_deg(placed)
    for side in ("left", "right"):
        assert np.nanmax(angles[f"{side}_knee_flexion"]) < 25
    assert (placed[:, 8, 1] > 350).all()
    assert (placed[:, [3, 6], 1] < -650).all()
    assert plausible(joints(standing(TURNS, np.random.default_rng(0)))).mean() > 0.85


def test_who_sits_at_a_table_has_hands_in_front_and_knees_at_the_height_of_the_hips() -> None:
    placed = joints(at_table(TURNS, np.random.default_rng(0)))
    hands, thorax = placed[:, [13, 16]], placed[:, [8]]
    assert (hands[..., 2] > thorax[..., 2]).mean() > 0.75
    assert (np.linalg.norm(hands - thorax, axis=-1) < 600).mean() > 0.75
    assert (np.abs(placed[:, [2, 5], 1]) < 300).mean() > 0.95
    assert plausible(placed).mean() > 0.85


def test_sitting_brings_the_knees_to_the_height_of_the_hips() -> None:
    turns = sitting(TURNS, np.random.default_rng(0))
    assert (np.abs(joints(turns)[:, [2, 5], 1]) < 300).mean() > 0.95
    angles = angles_deg(joints(turns))
    assert np.nanmedian(angles["left_hip_flexion"]) > 60


def test_a_raised_hand_is_above_the_head() -> None:
    placed = joints(overhead(TURNS, np.random.default_rng(0)))
    assert (placed[:, [13, 16], 1].max(axis=1) > placed[:, 8, 1] + 150).mean() > 0.95


def test_lying_people_are_as_flat_as_the_ground() -> None:
    placed = joints(lying(TURNS, np.random.default_rng(0)))
    assert (np.abs(placed[:, 10, 1]) < 450).all()
    assert (np.abs(placed[:, 8, 2]) > 300).mean() > 0.95


def test_all_kinds_are_drawn() -> None:
    changed = made_rare(TURNS, np.random.default_rng(0))
    moved = np.abs(changed - TURNS).max(axis=(2, 3)) > 1e-3
    assert len(np.unique(moved, axis=0)) >= 5
