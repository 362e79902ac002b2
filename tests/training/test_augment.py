"""Augmentation changes what it says and nothing else: mirror twice is nothing, joint angles survive mixing."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import random_turns

from engine.body.skeleton import H36M17
from training.augment import (
    CAMERA_FROM_PERSON,
    LIMBS,
    ViewRange,
    draw_views,
    jittered,
    mirrored,
    mirrored_joints_mm,
    mixed,
    seen,
    turn_by,
    with_limb,
    with_trunk,
)
from training.bodies import bone_lengths_mm, draw_offsets_mm, posed_mm
from training.joint_limits import angles_deg
from training.kinematics import axis_rotation

OFFSETS_MM = draw_offsets_mm(np.random.default_rng(0), 60, split="train")


def test_mirrored_twice_is_the_same() -> None:
    turns = random_turns(60)
    np.testing.assert_array_equal(mirrored(mirrored(turns)), turns)
    joints = posed_mm(turns, OFFSETS_MM)
    np.testing.assert_array_equal(mirrored_joints_mm(mirrored_joints_mm(joints)), joints)


def test_mirroring_turns_mirrors_the_joints() -> None:
    turns = random_turns(60)
    np.testing.assert_allclose(
        posed_mm(mirrored(turns), OFFSETS_MM), mirrored_joints_mm(posed_mm(turns, OFFSETS_MM)), atol=0.01
    )


def test_a_view_keeps_lengths_and_handedness() -> None:
    views = draw_views(np.random.default_rng(1), 60, view=ViewRange())
    np.testing.assert_allclose(np.linalg.det(views), 1, atol=1e-5)
    joints = posed_mm(random_turns(60), OFFSETS_MM)
    np.testing.assert_allclose(bone_lengths_mm(seen(joints, views)), bone_lengths_mm(joints), atol=0.01)


def test_yaw_is_all_around_and_pitch_stays_in_its_limits() -> None:
    view = ViewRange(pitch_deg=(0.0, 90.0), pitch_limits_deg=(-20.0, 50.0), roll_deg=0.0)
    views = draw_views(np.random.default_rng(1), 4000, view=view)
    up_in_camera = views @ np.array([0.0, 1.0, 0.0])
    pitch = np.degrees(np.arcsin(-up_in_camera[:, 2]))  # seen from above, the head is nearer than the feet
    assert pitch.min() == pytest.approx(-20, abs=0.01)
    assert pitch.max() == pytest.approx(50, abs=0.01)
    front = views @ np.array([0.0, 0.0, 1.0])
    assert set(np.floor(np.arctan2(front[:, 0], front[:, 2]) / (np.pi / 8))) == set(range(-8, 8))


def test_a_person_who_faces_the_camera_has_the_left_hand_at_the_right() -> None:
    np.testing.assert_array_equal(CAMERA_FROM_PERSON @ [1, 0, 0], [1, 0, 0])
    np.testing.assert_array_equal(CAMERA_FROM_PERSON @ [0, 0, 1], [0, 0, -1])


@pytest.mark.parametrize("limb", list(LIMBS))
def test_a_limb_keeps_its_angles_on_another_body_and_the_rest_stays(limb: str) -> None:
    turns, donors = random_turns(60, seed=1), random_turns(60, seed=2)
    changed = with_limb(turns, donors, limb)
    carrier, bones = LIMBS[limb]
    others = [row for row, name in enumerate(H36M17.names) if name not in bones]
    np.testing.assert_array_equal(changed[:, others], turns[:, others])
    base, rows = H36M17.row(carrier), H36M17.rows(*bones)
    for got, wanted in ((changed, donors),):
        relative = np.swapaxes(got[:, base], -1, -2)[:, None] @ got[:, rows]
        original = np.swapaxes(wanted[:, base], -1, -2)[:, None] @ wanted[:, rows]
        np.testing.assert_allclose(relative, original, atol=1e-5)


def test_an_exchanged_trunk_keeps_the_legs() -> None:
    turns, donors = random_turns(60, seed=1), random_turns(60, seed=2)
    changed = angles_deg(posed_mm(with_trunk(turns, donors), OFFSETS_MM))
    theirs = angles_deg(posed_mm(donors, OFFSETS_MM))
    mine = angles_deg(posed_mm(turns, OFFSETS_MM))
    for name in ("spine_bend", "left_elbow_flexion", "right_arm_across", "neck_bend"):
        np.testing.assert_allclose(changed[name], theirs[name], atol=0.05)
    np.testing.assert_allclose(changed["left_knee_flexion"], mine["left_knee_flexion"], atol=0.05)


def test_mixing_with_probability_zero_changes_nothing_and_with_one_everything() -> None:
    turns, rng = random_turns(60, seed=1), np.random.default_rng(0)
    donors = [random_turns(60, seed=seed) for seed in range(2, 8)]
    np.testing.assert_array_equal(mixed(turns, rng, donors=donors, probability=0.0), turns)
    whole = mixed(turns, rng, donors=donors, probability=1.0)
    np.testing.assert_array_equal(whole[:, [0, 1, 4]], turns[:, [0, 1, 4]])
    assert (np.abs(whole - turns).max(axis=(2, 3))[:, [2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16]] > 1e-3).all()


def test_jitter_is_small_and_leaves_rotations_rotations() -> None:
    turns = random_turns(400)
    shaken = jittered(turns, np.random.default_rng(0), spread_deg=5.0)
    np.testing.assert_allclose(
        shaken @ np.swapaxes(shaken, -1, -2), np.broadcast_to(np.eye(3), shaken.shape), atol=1e-5
    )
    change = shaken @ np.swapaxes(turns, -1, -2)
    angle = np.degrees(np.arccos(np.clip((np.trace(change, axis1=-2, axis2=-1) - 1) / 2, -1, 1)))
    assert 3 < angle[:, 7].mean() < 12
    assert angle[:, 0].max() < 0.1
    np.testing.assert_allclose(jittered(turns, np.random.default_rng(0), spread_deg=0.0), turns, atol=1e-6)


def test_turning_by_a_vector_is_turning_around_its_axis() -> None:
    vectors = np.array([[0.4, 0, 0], [0, -0.7, 0], [0, 0, 0], [0, 0, 1.1]], np.float32)
    expected = [axis_rotation("X", 0.4), axis_rotation("Y", -0.7), np.eye(3), axis_rotation("Z", 1.1)]
    np.testing.assert_allclose(turn_by(vectors), expected, atol=1e-6)


def test_a_view_with_limits_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="pitch"):
        ViewRange(pitch_limits_deg=(30.0, -30.0))
