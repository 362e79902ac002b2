"""Laws of the pose errors, against scipy where it computes the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from training.metrics import (
    PoseShapeError,
    area_under_curve,
    centred,
    joint_errors_mm,
    measure,
    mpjpe_mm,
    pa_mpjpe_mm,
    pck,
    procrustes,
)

RNG = np.random.default_rng(5)
POSES = RNG.normal(size=(20, 17, 3)) * 300


def similar(poses: np.ndarray) -> np.ndarray:
    """Each pose turned, scaled and moved at random."""
    turn = Rotation.random(len(poses), random_state=3).as_matrix()
    scale = np.exp(RNG.normal(size=(len(poses), 1, 1)) * 0.4)
    return scale * poses @ turn + RNG.normal(size=(len(poses), 1, 3)) * 1000


def test_a_constant_offset_is_the_error() -> None:
    assert mpjpe_mm(POSES + [3.0, 4.0, 0.0], POSES) == pytest.approx(5.0)


def test_procrustes_undoes_any_similarity() -> None:
    assert pa_mpjpe_mm(similar(POSES), POSES) == pytest.approx(0.0, abs=1e-6)


def test_procrustes_does_not_reflect() -> None:
    mirrored = POSES * [-1.0, 1.0, 1.0]
    assert pa_mpjpe_mm(mirrored, POSES) > 50


def test_procrustes_agrees_with_scipy_where_no_reflection_is_wanted() -> None:
    """scipy's orthogonal Procrustes may reflect; on pairs where it does not, both must find the same optimum."""
    target = POSES + RNG.normal(size=POSES.shape) * 40
    source = similar(POSES)
    ours = procrustes(source, target)
    for one, other, aligned in zip(source, target, ours, strict=True):
        x, y = one - one.mean(0), other - other.mean(0)
        turn, strength = orthogonal_procrustes(x, y)
        assert np.linalg.det(turn) > 0
        np.testing.assert_allclose(aligned, x @ turn * strength / (x**2).sum() + other.mean(0), atol=1e-6)


def test_procrustes_is_the_best_rotation_also_for_mirrored_poses() -> None:
    """scipy's Rotation.align_vectors (Kabsch, proper rotations only) finds the same rotation."""
    source, target = centred(POSES[0] * [-1, 1, 1]), centred(POSES[0])
    x, y = source - source.mean(0), target - target.mean(0)
    turn, _ = Rotation.align_vectors(y, x)
    turned = turn.apply(x)
    scale = (turned * y).sum() / (x**2).sum()
    np.testing.assert_allclose(procrustes(source, target), scale * turned + target.mean(0), atol=1e-6)


def test_aligning_never_makes_the_squared_error_worse() -> None:
    noisy = POSES + RNG.normal(size=POSES.shape) * 60
    before = ((noisy - POSES) ** 2).sum(axis=(1, 2))
    after = ((procrustes(noisy, POSES) - POSES) ** 2).sum(axis=(1, 2))
    assert (after <= before + 1e-6).all()


def test_coinciding_joints_are_no_division_by_zero() -> None:
    assert np.isfinite(procrustes(np.zeros((2, 17, 3)), POSES[:2])).all()


def test_pck_and_area_of_known_errors() -> None:
    errors = np.array([0.0, 75.0, 150.0, 151.0])
    assert pck(errors) == 0.75
    # of the 31 limits 0, 5 .. 150: the first is reached by all, the second by 16, the third by one, the fourth by none
    assert area_under_curve(errors) == pytest.approx((31 + 16 + 1) / 31 / 4)


def test_measure_splits_by_action_and_joint() -> None:
    estimate = POSES.copy()
    estimate[:5, 3] += [0, 17.0, 0]
    found = measure(estimate, POSES, actions=["Walking"] * 5 + ["Sitting"] * 15)
    assert found.per_action_mm == pytest.approx({"Walking": 1.0, "Sitting": 0.0})
    assert found.mpjpe_mm == pytest.approx(0.25) and found.action_mean_mm == pytest.approx(0.5)
    assert found.per_joint_mm[3] == pytest.approx(17 * 5 / 20) and found.per_joint_mm[4] == 0
    assert found.frames == 20 and found.pck150 == 1.0


def test_centred_puts_the_root_at_zero() -> None:
    assert (centred(POSES)[:, 0] == 0).all()


def test_bad_poses_are_refused_with_cause_and_cure() -> None:
    with pytest.raises(PoseShapeError, match=r"\(20, 17, 3\).*\(20, 16, 3\).*skeletons"):
        joint_errors_mm(POSES, POSES[:, 1:])
    broken = POSES.copy()
    broken[7, 2, 1] = np.nan
    with pytest.raises(PoseShapeError, match="estimate is not finite at index 7"):
        pa_mpjpe_mm(broken, POSES)
    with pytest.raises(PoseShapeError, match="2 action names for 20 frames"):
        measure(POSES, POSES, actions=["a", "b"])
    with pytest.raises(PoseShapeError, match="at least one frame"):
        measure(POSES[:0], POSES[:0])
