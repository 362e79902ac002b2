"""Simulated rows know twelve landmarks with a real crop's errors, and nothing that comes from a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_training import tiny_motion

from engine.body.skeleton import H36M17
from engine.runtime.live_numbers import RAY, SEEN
from training.crop_poses import CropPoseSampler
from training.live_data import EncodedSet
from training.live_rows import LiveRows
from training.simulated_landmarks import LIMB_JOINTS, LIMB_NAMES, LIMB_POINTS, LandmarkErrors, limb_rays, true_2d


@pytest.fixture(scope="module")
def rows(encoded_train: Path) -> LiveRows:
    return EncodedSet.open(encoded_train).all()


def test_the_errors_are_those_of_real_answers(rows: LiveRows) -> None:
    errors = LandmarkErrors.of(rows)
    people = CropPoseSampler(tiny_motion().part("train"), 0, batch_size=8).crops(0)
    batch = errors.batch(people, np.random.default_rng(0))
    laid_on = batch.crops.points[:, LIMB_POINTS, RAY].numpy() - limb_rays(people.rays)
    found, drawn = laid_on.reshape(8, 1, -1), errors.rays.reshape(1, len(rows), -1)
    share = np.clip((found * drawn).sum(axis=2) / (drawn * drawn).sum(axis=2), 0, 1)
    nearest = np.abs(found - share[..., None] * drawn).max(axis=2)
    assert (nearest.min(axis=1) < 1e-4).all()
    shares = share[np.arange(8), nearest.argmin(axis=1)]
    assert (shares > 0.999).any() and (shares < 0.999).any(), "some people get a part of the errors only"
    source = nearest.argmin(axis=1)
    np.testing.assert_array_equal(batch.crops.points[:, LIMB_POINTS, SEEN].numpy(), errors.seen[source])
    np.testing.assert_allclose(batch.crops.view[:, 0], np.log(people.half_tan), rtol=1e-6)
    np.testing.assert_array_equal(batch.joints_mm.numpy(), people.joints_mm)


def test_simulated_rows_know_twelve_landmarks_only(rows: LiveRows) -> None:
    people = CropPoseSampler(tiny_motion().part("train"), 0, batch_size=4).crops(0)
    crops = LandmarkErrors.of(rows).batch(people, np.random.default_rng(0)).crops
    assert crops.points_known.sum(dim=1).tolist() == [12] * 4 and not crops.features_known.any()
    assert bool(crops.points_known[:, LIMB_POINTS].all())


def test_hips_are_narrower_for_blazepose_and_other_limbs_where_they_are() -> None:
    rays = np.random.default_rng(0).normal(size=(3, 17, 2)).astype(np.float32)
    found = limb_rays(rays)
    left, right = LIMB_NAMES.index("left_hip"), LIMB_NAMES.index("right_hip")
    width = rays[:, H36M17.row("left_hip")] - rays[:, H36M17.row("right_hip")]
    np.testing.assert_allclose(found[:, left] - found[:, right], width * 176 / 265, rtol=1e-5)
    others = [row for row in range(12) if row not in (left, right)]
    np.testing.assert_array_equal(found[:, others], rays[:, LIMB_JOINTS][:, others])


def test_the_first_rung_sees_the_truth(rows: LiveRows) -> None:
    batch = true_2d(rows)
    np.testing.assert_allclose(batch.crops.points[:, LIMB_POINTS, RAY].numpy(), limb_rays(rows.true_rays), rtol=1e-6)
    assert not batch.crops.features_known.any()
