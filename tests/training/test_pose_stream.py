"""Training batches: same seed and step, same poses; bodies stay rigid; no test subject among them."""

from __future__ import annotations

import numpy as np
import pytest

from training.bodies import bone_lengths_mm
from training.cmu import F32, BoneMotion, Clip
from training.data_error import DataError
from training.kinematics import axis_rotation
from training.pose_stream import Augmentation, PoseSampler, held_out_poses


def motion(subject: str = "01", frames: int = 50) -> BoneMotion:
    angles = np.random.default_rng(3).normal(0, 0.3, (3, frames, 17))
    turns = axis_rotation("X", angles[0]) @ axis_rotation("Y", angles[1]) @ axis_rotation("Z", angles[2])
    return BoneMotion(turns.astype(np.float32), 30.0, (Clip(f"{subject}_01", subject, 0, frames),))


def both() -> BoneMotion:
    one, other = motion(), motion("02")
    clips = (one.clips[0], Clip("02_01", "02", len(one), 2 * len(one)))
    return BoneMotion(np.concatenate([one.rotations, other.rotations]), 30.0, clips)


def test_a_batch_depends_on_seed_and_step_only() -> None:
    first, second = PoseSampler(motion(), 7, batch_size=8), PoseSampler(motion(), 7, batch_size=8)
    forward: list[F32] = [first.batch(index) for index in range(4)]
    backward = [second.batch(index) for index in reversed(range(4))][::-1]
    np.testing.assert_array_equal(forward, backward)
    resumed = second.batches(start=2)
    np.testing.assert_array_equal(next(resumed), forward[2])
    assert not np.array_equal(forward[0], forward[1])
    assert not np.array_equal(forward[0], PoseSampler(motion(), 8, batch_size=8).batch(0))


def test_poses_are_root_relative_float32_millimetres() -> None:
    batch = PoseSampler(motion(), 0, batch_size=64).batch(0)
    assert batch.shape == (64, 17, 3)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[:, 0], 0)
    lengths = bone_lengths_mm(batch)
    assert lengths.min() > 70
    assert lengths.max() < 600


def test_test_subjects_are_refused_for_training() -> None:
    with pytest.raises(DataError, match=r'02 are for testing only.*part\("train"\)'):
        PoseSampler(both(), 0)
    assert PoseSampler(both().part("train"), 0).motion.subjects == {"01"}


def test_held_out_poses_are_the_test_frames_once_each() -> None:
    poses = held_out_poses(both(), 1)
    assert poses.shape == (50, 17, 3)
    np.testing.assert_array_equal(poses, held_out_poses(both(), 1))


def test_a_share_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="mirror is a share"):
        Augmentation(mirror=1.5)
