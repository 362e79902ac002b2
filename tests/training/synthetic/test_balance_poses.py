"""Poses of balance are what their names say, and human."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_training import tiny_motion

from engine.body.skeleton import H36M17
from training.bodies import mean_offsets_mm, posed_mm
from training.joint_limits import angles_deg, plausible
from training.synthetic.balance_poses import BALANCE

COUNT = 400
UP = np.array([0.0, 1.0, 0.0])


def posed(kind: str) -> np.ndarray:
    standing = np.broadcast_to(np.eye(3, dtype=np.float32), (COUNT, 17, 3, 3)).copy()
    return posed_mm(BALANCE[kind](standing, np.random.default_rng(0)), mean_offsets_mm(COUNT))


def way(joints: np.ndarray, start: str, end: str) -> np.ndarray:
    found = joints[:, H36M17.row(end)] - joints[:, H36M17.row(start)]
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def legs_down(joints: np.ndarray) -> np.ndarray:
    """(n, 2) cosine of each leg, hip to ankle, against straight down."""
    return np.stack([-way(joints, f"{side}_hip", f"{side}_ankle") @ UP for side in ("left", "right")], axis=1)


@pytest.mark.parametrize("kind", BALANCE)
def test_most_are_human_and_either_leg_stands(kind: str) -> None:
    joints = posed(kind)
    assert plausible(joints).mean() > 0.9
    lower = joints[:, H36M17.row("left_ankle"), 1] < joints[:, H36M17.row("right_ankle"), 1]
    assert 0.3 < lower.mean() < 0.7


def test_in_a_standing_scale_one_leg_stands_and_the_trunk_leans() -> None:
    joints = posed("standing_scale")
    assert np.median(legs_down(joints).max(axis=1)) > 0.95
    lean = np.degrees(np.arccos(way(joints, "pelvis", "thorax") @ UP))
    assert lean.min() > 10 and lean.max() > 80


def test_the_foot_of_a_tree_is_drawn_up() -> None:
    joints = posed("foot_at_leg")
    angles = angles_deg(joints)
    folded = np.maximum(angles["left_knee_flexion"], angles["right_knee_flexion"])
    assert folded.min() > 75
    lifted = np.abs(joints[:, H36M17.row("left_ankle"), 1] - joints[:, H36M17.row("right_ankle"), 1])
    assert np.median(lifted) > 200


def test_a_lunge_spreads_the_feet() -> None:
    joints = posed("lunge")
    apart = np.linalg.norm(joints[:, H36M17.row("left_ankle")] - joints[:, H36M17.row("right_ankle")], axis=1)
    assert np.median(apart) > 600


def test_what_is_not_named_stays_as_recorded() -> None:
    rotations = tiny_motion().part("train").rotations[:10]
    changed = BALANCE["foot_at_leg"](rotations.copy(), np.random.default_rng(0))
    elbow, thorax = H36M17.row("left_elbow"), H36M17.row("thorax")

    def held(turns: np.ndarray) -> np.ndarray:
        return np.swapaxes(turns[:, thorax], 1, 2) @ turns[:, elbow]

    np.testing.assert_allclose(held(changed), held(rotations), atol=1e-5)
