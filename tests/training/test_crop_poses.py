"""Poses as crops show them: in the axes of `VirtualView`, trunks upright, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_training import tiny_motion

from engine.body.camera import Camera
from engine.body.virtual_camera import VirtualView
from training.bodies import mean_offsets_mm, posed_mm
from training.crop_poses import CropPoseSampler, CropViewRange, as_cropped
from training.data_error import DataError
from training.synthetic.crop_regions import RegionRange

EXACT = RegionRange(centre=0.0, size=0.0, angle_deg=0.0, fast=0.0, upright=0.0)


def people(count: int = 200) -> np.ndarray:
    motion = tiny_motion(count).part("train")
    return posed_mm(motion.rotations[:count], mean_offsets_mm(len(motion.rotations[:count])))


def test_batches_depend_on_seed_and_number_alone() -> None:
    motion = tiny_motion().part("train")
    one, other = (CropPoseSampler(motion, 3, batch_size=16) for _ in range(2))
    late = other.batch(5)
    assert np.array_equal(one.batch(0), other.batch(0)) and np.array_equal(one.batch(5), late)
    assert not np.array_equal(late, CropPoseSampler(motion, 4, batch_size=16).batch(5))
    assert late.shape == (16, 17, 3) and not late[:, 0].any()


def test_test_subjects_are_refused() -> None:
    with pytest.raises(DataError, match=r"02 are for testing only.*part\(\"train\"\)"):
        CropPoseSampler(tiny_motion(), 0, batch_size=4)


def test_an_exact_tracker_sees_trunks_upright_and_the_body_inside() -> None:
    found = as_cropped(people(), np.random.default_rng(0), plan=CropViewRange(region=EXACT))
    shoulders = found.rays[:, [11, 14]].mean(axis=1) - found.rays[:, 0]
    assert np.abs(shoulders[:, 0]).max() < 1e-4 and (shoulders[:, 1] < 0).all()
    assert np.linalg.norm(found.rays, axis=-1).max(axis=1) == pytest.approx(1 / 1.25 / 1.12, abs=1e-3)
    assert (found.root_mm[:, 2] + found.joints_mm[..., 2].min(axis=1) > 350).all()


def test_the_half_angle_is_that_of_the_virtual_view() -> None:
    """The crop that was drawn, cut from a real camera with one pixel's scale, has the same half angle."""
    plan = CropViewRange(region=replace(EXACT, centre=0.05, upright=1.0))
    found = as_cropped(people(20), np.random.default_rng(1), plan=plan)
    camera = Camera((1000.0, 1000.0), (0.0, 0.0), (10, 10), "test")
    for row in range(len(found)):
        toward = found.root_mm[row] / np.linalg.norm(found.root_mm[row])
        assert found.half_tan[row] > 0 and toward[2] > 0.5
    scale = 2.0
    affine = np.array([[scale, 0.0, 300.0], [0.0, scale, -200.0]])
    view = VirtualView.of(camera, affine, 2)
    away = np.array([*(affine @ [0.5, 0.5, 1.0]), 1000.0]) / 1000
    assert view.half_tan == pytest.approx(2 * scale / 2 / 1000 * np.linalg.norm(away) ** -1.5, rel=1e-4)


def test_bones_keep_their_lengths() -> None:
    joints = people(30)
    found = as_cropped(joints, np.random.default_rng(2), plan=CropViewRange())
    np.testing.assert_allclose(
        np.linalg.norm(found.joints_mm[:, 1:], axis=-1), np.linalg.norm(joints[:, 1:], axis=-1), rtol=1e-4
    )
