"""Training batches: same seed and step, same poses; bodies stay rigid; no test subject among them."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import motion

from training.augment import ViewRange, draw_views, seen
from training.bodies import bone_lengths_mm, draw_offsets_mm, posed_mm
from training.cmu import BoneMotion, Clip
from training.data_error import DataError
from training.joint_limits import plausible
from training.pose_stream import Augmentation, PoseSampler, TurnSampler, held_out_poses


def test_a_batch_depends_on_seed_and_step_only() -> None:
    first, second = (PoseSampler(motion("01"), 7, batch_size=1024) for _ in range(2))
    forward = [first.batch(index) for index in range(6)]
    backward = [second.batch(index) for index in reversed(range(6))][::-1]
    np.testing.assert_array_equal(forward, backward)
    resumed = second.batches(start=3)
    np.testing.assert_array_equal(next(resumed), forward[3])
    np.testing.assert_array_equal(next(resumed), forward[4])
    flat = np.concatenate(forward)
    assert len(np.unique(flat.reshape(len(flat), -1), axis=0)) == len(flat)
    assert not np.array_equal(forward[0], PoseSampler(motion("01"), 8, batch_size=1024).batch(0))


def test_writing_into_a_batch_changes_no_other() -> None:
    sampler = PoseSampler(motion("01"), 7, batch_size=8)
    kept = sampler.batch(0).copy()
    sampler.batch(0)[:] = 0
    np.testing.assert_array_equal(sampler.batch(0), kept)


def test_poses_are_root_relative_float32_millimetres_of_humans() -> None:
    batch = PoseSampler(motion("01"), 0, batch_size=512).batch(0)
    assert batch.shape == (512, 17, 3)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[:, 0], 0)
    lengths = bone_lengths_mm(batch)
    assert lengths.min() > 70
    assert lengths.max() < 600
    assert plausible(batch).mean() > 0.99


def test_standing_people_have_their_heads_up_in_the_picture() -> None:
    plan = Augmentation(rare=0.0, mix=0.0, jitter_deg=0.0)
    batch = PoseSampler(motion("01"), 0, batch_size=256, augmentation=plan).batch(0)
    assert (batch[:, 10, 1] < -250).all()
    assert (batch[:, 3, 1] > 350).all()


def test_test_subjects_are_refused_for_training() -> None:
    with pytest.raises(DataError, match=r'02, 09 are for testing only.*part\("train"\)'):
        PoseSampler(motion("02", "01", "09"), 0)
    assert PoseSampler(motion("02", "01", "09").part("train"), 0).motion.subjects == {"01"}


def test_no_training_pose_comes_from_a_test_frame() -> None:
    """Test frames are marked by crossed legs, which no other frame has."""
    marked = motion("01", "02")
    marked.rotations[50:, [2, 3]] = np.diag([1.0, -1.0, -1.0])  # the right leg up
    plan = Augmentation(rare=0.0)
    batch = PoseSampler(marked.part("train"), 0, batch_size=2048, augmentation=plan).batch(0)
    assert (batch[:, [3, 6], 1] > 0).all()
    assert (held_out_poses(marked)[:, 3, 1] < 0).all()


def test_held_out_poses_are_the_test_frames_once_each() -> None:
    poses = held_out_poses(motion("01", "02", "06"), 1)
    assert poses.shape == (100, 17, 3)
    np.testing.assert_array_equal(poses, held_out_poses(motion("01", "02", "06"), 1))


def test_frames_that_no_body_can_take_are_never_drawn() -> None:
    bent = motion("01", frames=40)
    bent.rotations[::2, 3] = np.diag([1.0, -1.0, -1.0])  # the right shank folded to the front onto the thigh
    plan = Augmentation(rare=0.0, mix=0.0, mirror=0.0)
    batch = PoseSampler(bent, 0, batch_size=512, augmentation=plan).batch(0)
    assert np.linalg.norm(batch[:, 3] - batch[:, 1], axis=1).min() > 500


def test_motion_without_a_usable_frame_is_refused() -> None:
    turned = BoneMotion(np.zeros((10, 17, 3, 3), np.float32), 30.0, (Clip("01_01", "01", 0, 10),))
    with pytest.raises(DataError, match="no frame"):
        PoseSampler(turned, 0)


@pytest.mark.parametrize(
    "wrong", [{"mirror": 1.5}, {"rare": -0.1}, {"standing": 1.1}, {"at_table": -1}, {"jitter_deg": 90.0}]
)
def test_augmentation_outside_its_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)  # type: ignore[arg-type]


_AS_BEFORE_MM = [[105.863, 740.180, 359.538], [-62.683, -630.090, -297.301], [-704.102, -530.271, -103.303]]


def test_turns_are_drawn_apart_from_bodies_without_changing_what_is_yielded() -> None:
    """Turns first, then bodies, then views, from one generator; the poses are those of before the two were parted."""
    sampler = PoseSampler(motion("01"), 7, batch_size=4096)
    rng = np.random.default_rng([7, 0])
    changed, recorded = TurnSampler(motion("01"), Augmentation()).draw(rng, 4096)
    offsets_mm = draw_offsets_mm(rng, 4096, split="train")
    views = draw_views(rng, 4096, view=ViewRange())
    joints_mm = posed_mm(changed, offsets_mm)
    refused = ~plausible(joints_mm)
    joints_mm[refused] = posed_mm(recorded[refused], offsets_mm[refused])
    np.testing.assert_array_equal(sampler.batch(0), seen(joints_mm, views))
    np.testing.assert_allclose(sampler.batch(0)[5, [3, 10, 16]], _AS_BEFORE_MM, atol=0.01)
