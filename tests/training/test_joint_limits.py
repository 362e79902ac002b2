"""`plausible` lets human poses pass and stops what no body can do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bone_motion import random_turns, standing

from engine.body.skeleton import H36M17
from training.augment import ViewRange, draw_views, mirrored_joints_mm, seen
from training.bodies import draw_offsets_mm, mean_offsets_mm, posed_mm
from training.cmu import F32, load_motion
from training.data_directory import DataDirectory
from training.data_error import DataError
from training.joint_limits import angles_deg, plausible, violations
from training.kinematics import axis_rotation
from training.pose_stream import held_out_poses


def bent(bones: tuple[str, ...], axis: str, degrees: float) -> F32:
    turns = standing(1)
    turns[:, H36M17.rows(*bones)] = axis_rotation(axis, np.deg2rad(degrees))
    return posed_mm(turns, mean_offsets_mm(1))


@pytest.fixture(scope="module")
def held_out(shared_dir: Path) -> F32:
    return held_out_poses(load_motion(DataDirectory.find(shared_dir / "data")))


def test_held_out_people_pass(held_out: F32) -> None:
    assert len(held_out) == 6282
    assert plausible(held_out).mean() >= 0.99


@pytest.mark.parametrize(("noise_mm", "least", "most"), [(3, 0.97, 1), (5, 0.9, 1), (15, 0, 0.1), (30, 0, 0.001)])
def test_noise_is_found_out(held_out: F32, noise_mm: float, least: float, most: float) -> None:
    noise = np.random.default_rng(0).normal(0, noise_mm, held_out.shape)
    assert least <= plausible(held_out + noise).mean() <= most


def test_limbs_that_do_not_belong_together_are_found_out(held_out: F32) -> None:
    """Joints taken from different poses, as a decoder without a model of bodies would mix them."""
    shuffled = held_out.copy()
    rng = np.random.default_rng(1)
    for row in range(1, 17):
        shuffled[:, row] = shuffled[rng.permutation(len(shuffled)), row]
    assert plausible(shuffled).mean() < 0.005


def test_random_turns_of_all_joints_are_found_out() -> None:
    offsets = draw_offsets_mm(np.random.default_rng(0), 2000, split="train")
    assert plausible(posed_mm(random_turns(2000, spread_rad=2.0), offsets)).mean() < 0.05


def test_place_view_and_mirror_do_not_matter(held_out: F32) -> None:
    some = held_out[::40]
    verdict = plausible(some)
    assert (plausible(mirrored_joints_mm(some)) == verdict).all()
    turned = seen(some, draw_views(np.random.default_rng(0), len(some), view=ViewRange()))
    assert (plausible(turned + 5000) == verdict).mean() > 0.995  # float32 decides on the very edge


@pytest.mark.parametrize(
    ("bones", "axis", "degrees", "human"),
    [
        (("left_ankle",), "X", 100, True),
        (("left_ankle",), "X", -60, False),
        (("right_ankle",), "X", -60, False),
        (("left_wrist",), "Y", -100, True),
        (("left_wrist",), "Y", 100, False),
        (("right_wrist",), "Y", 100, True),
        (("right_wrist",), "Y", -100, False),
        (("left_knee", "left_ankle"), "X", -100, True),
        (("left_knee", "left_ankle"), "X", 90, False),
        (("left_knee", "left_ankle"), "Z", 50, True),
        (("left_knee", "left_ankle"), "Z", -80, False),
        (("neck_nose", "head_top"), "X", 40, True),
        (("neck_nose", "head_top"), "X", 150, False),
        (("spine", "left_hip", "right_hip"), "Y", 120, False),
    ],
)
def test_joints_bend_one_way(bones: tuple[str, ...], axis: str, degrees: float, human: bool) -> None:
    pose = bent(bones, axis, degrees)
    assert plausible(pose)[0] == human, [name for name, broken in violations(pose).items() if broken[0]]


def test_angles_are_what_they_are_called() -> None:
    raised = angles_deg(bent(("right_knee", "right_ankle"), "X", -60))
    assert raised["right_hip_flexion"][0] == pytest.approx(60, abs=6)  # the pelvis's axes lean with the lower spine
    assert raised["left_hip_flexion"][0] == pytest.approx(0, abs=6)
    assert angles_deg(bent(("left_knee", "left_ankle"), "Z", 30))["left_hip_abduction"][0] == pytest.approx(30, abs=1)
    assert angles_deg(bent(("left_wrist",), "Y", -80))["left_elbow_flexion"][0] == pytest.approx(80, abs=0.1)
    assert angles_deg(bent(("left_elbow", "left_wrist"), "Y", -90))["left_arm_across"][0] == pytest.approx(90, abs=1)


def test_a_body_of_another_size_or_lopsided_is_found_out() -> None:
    person = posed_mm(standing(1), mean_offsets_mm(1))
    assert plausible(person)[0]
    assert violations(person * 0.7)["size"][0]
    person[:, 13, 0] -= 80
    assert violations(person)["wrist_asymmetry"][0]
    person[:, 13] = np.nan
    assert not plausible(person)[0]


def test_another_number_of_joints_is_refused() -> None:
    with pytest.raises(DataError, match=r"\(5, 16, 3\).*\(n, 17, 3\)"):
        plausible(np.zeros((5, 16, 3)))
