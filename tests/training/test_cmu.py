"""CMU recordings as turns of bones: angles as recorded, subjects apart, and the cache returns the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from training.bodies import mean_offsets_mm, posed_mm
from training.bvh import BvhError
from training.cmu import TEST_SUBJECTS, load_motion, read_clips
from training.data_directory import DataDirectory, DataDirectoryError
from training.data_error import DataError
from training.joint_limits import angles_deg


@pytest.fixture
def folder(shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with the shortest recordings of three subjects, and a cache of its own."""
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "cache"))
    motion = tmp_path / "data" / "motion"
    motion.mkdir(parents=True)
    for name in ("08_01", "09_01", "14_04"):
        lines = (shared_dir / "data" / "mocap_cmu" / f"{name}.bvh").read_text().splitlines()
        lines = [line for line in lines if line.strip()]
        start = next(row for row, line in enumerate(lines) if line.startswith("Frames:"))
        lines[start] = "Frames: 30"
        (motion / f"{name}.bvh").write_text("\n".join(lines[: start + 32]) + "\n")
    return tmp_path / "data"


def test_frame_zero_is_the_straight_t_pose(folder: Path) -> None:
    """The file draws elbows 17 and knees 8 degrees bent; a person at rest is straight."""
    motion = load_motion(DataDirectory.find(folder))
    angles = angles_deg(posed_mm(motion.rotations[[0, 30, 60]], mean_offsets_mm(3)))
    for name in ("left_knee_flexion", "right_knee_flexion"):
        assert angles[name].max() < 11  # people do not stand quite straight; the drawn knees add 8 degrees to all
    for name in ("left_elbow_flexion", "right_elbow_flexion"):
        assert angles[name].max() < 0.1


def test_walking_people_walk_upright_and_forwards(folder: Path) -> None:
    motion = load_motion(DataDirectory.find(folder))
    joints = posed_mm(motion.rotations[5:30], mean_offsets_mm(25))
    assert (joints[:, 10, 1] > 500).all()
    assert (joints[:, [3, 6], 1] < -500).all()
    knees = angles_deg(joints)["left_knee_flexion"]
    assert knees.max() - knees.min() > 10


def test_subjects_are_split_never_frames(folder: Path) -> None:
    motion = load_motion(DataDirectory.find(folder))
    train, test = motion.part("train"), motion.part("test")
    assert train.subjects == {"08", "14"}
    assert test.subjects == {"09"} <= TEST_SUBJECTS
    assert len(train) + len(test) == len(motion) == 90
    np.testing.assert_array_equal(test.rotations, motion.rotations[30:60])
    np.testing.assert_array_equal(train.rotations[30:], motion.rotations[60:])


def test_the_cache_returns_what_was_read_and_is_made_again_when_damaged(folder: Path, tmp_path: Path) -> None:
    first = load_motion(DataDirectory.find(folder))
    (cached,) = (tmp_path / "cache").rglob("*.npz")
    again = load_motion(DataDirectory.find(folder))
    np.testing.assert_array_equal(again.rotations, first.rotations)
    assert again.clips == first.clips
    cached.write_bytes(cached.read_bytes()[:1000])
    np.testing.assert_array_equal(load_motion(DataDirectory.find(folder)).rotations, first.rotations)


def test_a_changed_file_is_read_anew(folder: Path) -> None:
    load_motion(DataDirectory.find(folder))
    (folder / "motion" / "14_04.bvh").unlink()
    assert len(load_motion(DataDirectory.find(folder))) == 60


def test_a_truncated_recording_names_file_and_line(folder: Path) -> None:
    path = folder / "motion" / "08_01.bvh"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    with pytest.raises(BvhError, match=r"08_01\.bvh, line \d+: 27 frames.*30.*fetch it again") as caught:
        load_motion(DataDirectory.find(folder))
    assert isinstance(caught.value, DataError)


def test_a_frame_that_is_not_a_number_names_file_and_line(folder: Path) -> None:
    path = folder / "motion" / "08_01.bvh"
    lines = path.read_text().splitlines()
    lines[-5] = "nan " + lines[-5].split(maxsplit=1)[1]
    path.write_text("\n".join(lines))
    with pytest.raises(BvhError, match=r"08_01\.bvh, line \d+: a value is not finite"):
        load_motion(DataDirectory.find(folder))


def test_a_name_without_a_subject_is_refused(folder: Path) -> None:
    path = shutil.move(folder / "motion" / "08_01.bvh", folder / "motion" / "walk.bvh")
    with pytest.raises(DataError, match=r"walk\.bvh: file name: .*02_01\.bvh.*split"):
        read_clips([Path(path)])


def test_a_folder_without_recordings_names_the_document(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryError, match=r"docs/data\.md"):
        load_motion(DataDirectory.find(tmp_path))


def test_a_split_without_subjects_is_refused(folder: Path) -> None:
    only = read_clips([folder / "motion" / "08_01.bvh"])
    with pytest.raises(DataError, match="no clip for test"):
        only.part("test")


def test_the_test_subjects_have_6282_frames(shared_dir: Path) -> None:
    motion = load_motion(DataDirectory.find(shared_dir / "data"))
    assert len(motion) == 36892
    assert len(motion.part("test")) == 6282
