"""Human3.6M's formats: 32 joints to 17 by name, world to camera, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from research_files import human36m_npz, human36m_world_m

from engine.body.skeleton import H36M17
from training.bodies import bone_lengths_mm
from training.data_error import DataError
from training.human36m import ACTIONS, CAMERA_IDS, ROWS32, TEST_SUBJECTS, TRAIN_SUBJECTS, read_npz, read_originals
from training.human36m_cameras import LENSES, PLACES, studio_camera


def test_the_npz_gives_17_joints_in_millimetres(tmp_path: Path) -> None:
    recordings = read_npz(human36m_npz(tmp_path / "data_3d_h36m.npz"))
    names = [(recording.subject, recording.action, recording.source_name) for recording in recordings]
    assert names == [("S1", "Walking", "Walking"), ("S1", "Photo", "Photo 1"), ("S11", "Directions", "Directions 1")]
    assert recordings[0].world_mm.shape == (6, 17, 3)
    assert 200 < bone_lengths_mm(recordings[0].world_mm)[:, [0, 3]].sum(axis=1).mean() < 320


def test_the_right_leg_comes_first_and_stays_right(tmp_path: Path) -> None:
    (walking, *_) = read_npz(human36m_npz(tmp_path / "a.npz"))
    world = human36m_world_m() * 1000
    np.testing.assert_allclose(walking.world_mm[:, H36M17.row("right_ankle")], world[:, 3], atol=0.1)
    np.testing.assert_allclose(walking.world_mm[:, H36M17.row("left_wrist")], world[:, 19], atol=0.1)
    assert list(ROWS32.values()) == [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]


def test_every_camera_sees_the_studios_middle_upright(tmp_path: Path) -> None:
    (walking, *_) = read_npz(human36m_npz(tmp_path / "a.npz"))
    for camera_id in CAMERA_IDS:
        joints, root, studio = walking.seen_by(camera_id)
        np.testing.assert_array_equal(joints[:, 0], 0)
        np.testing.assert_allclose(np.linalg.det(studio.camera_from_world), 1, atol=1e-4)
        np.testing.assert_allclose(bone_lengths_mm(joints), bone_lengths_mm(walking.world_mm), atol=0.1)
        assert (root[:, 2] > 3000).all()
        assert (root[:, 2] < 7000).all()
        assert (joints[:, H36M17.row("head_top"), 1] < -400).all()
        pixels = studio.camera.project((joints + root[:, None]).astype(np.float64))
        assert pixels.min() > 0
        assert pixels.max() < 1000


def test_cameras_look_at_each_other() -> None:
    """Places and turns fit: the middle of the studio lies near the middle of every picture, for every subject."""
    for subject in PLACES:
        for camera_id in LENSES:
            studio = studio_camera(subject, camera_id)
            pixel = studio.camera.project(studio.seen(np.array([[0.0, 0.0, 900.0]])))[0]
            assert np.abs(pixel - 500).max() < 320, (subject, camera_id, pixel)


def test_an_unknown_camera_or_subject_is_refused() -> None:
    with pytest.raises(DataError, match=r"camera: no calibration for subject 'S1' and camera '1'.*54138969"):
        studio_camera("S1", "1")
    with pytest.raises(DataError, match="'S2'.*subjects are S1, S5"):
        studio_camera("S2", CAMERA_IDS[0])


def test_original_annotation_is_read_from_mat_and_cdf(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    folder = tmp_path / "S9" / "MyPoseFeatures" / "D3_Positions"
    folder.mkdir(parents=True)
    flat = human36m_world_m().reshape(6, 96) * 1000
    cell = np.empty((1, 1), object)
    cell[0, 0] = flat
    scipy_io.savemat(folder / "WalkingDog 1.cdf.mat", {"data": cell})
    (recording,) = read_originals(tmp_path)
    assert (recording.subject, recording.action, recording.source_name) == ("S9", "WalkDog", "WalkingDog 1")
    np.testing.assert_allclose(recording.world_mm[:, 3], flat.reshape(6, 32, 3)[:, 3], atol=0.1)


def test_original_cdf_files_are_read(tmp_path: Path) -> None:
    cdflib = pytest.importorskip("cdflib")
    from cdflib.cdfwrite import CDF

    folder = tmp_path / "S9" / "MyPoseFeatures" / "D3_Positions"
    folder.mkdir(parents=True)
    flat = human36m_world_m().reshape(1, 6, 96).astype(np.float64) * 1000
    file = CDF(str(folder / "Eating.cdf"), cdf_spec={"Compressed": 0})
    spec = {
        "Variable": "Pose",
        "Data_Type": file.CDF_DOUBLE,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Var_Type": "zVariable",
        "Dim_Sizes": [6, 96],
    }
    file.write_var(spec, var_data=flat)
    file.close()
    (recording,) = read_originals(tmp_path)
    assert recording.action == "Eating"
    np.testing.assert_allclose(recording.world_mm[:, 3], flat.reshape(6, 32, 3)[:, 3], atol=0.1)
    (folder / "Eating.cdf").write_bytes(b"not a cdf file at all")
    with pytest.raises(DataError, match=r"Eating\.cdf"):
        read_originals(tmp_path)
    assert cdflib


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"S1": {"Walking": np.ones((4, 25, 3), np.float32)}}, r"S1/Walking: has shape \(4, 25, 3\)"),
        ({"S1": {"Walking": np.full((4, 32, 3), np.nan, np.float32)}}, "S1/Walking: holds values that are not finite"),
        ({"S1": {"Dancing": np.ones((4, 32, 3), np.float32)}}, "Dancing: is none of the actions"),
        ({"S1": {"Walking": human36m_world_m() * 1000}}, "the unit is not the format's"),
        ({"S1": {"Walking": "nothing"}}, "S1/Walking: has shape"),
        ({"S1": 3}, "no dictionary of subjects"),
        (np.ones(3), "no dictionary of subjects"),
    ],
)
def test_content_of_another_format_is_refused(tmp_path: Path, table: object, words: str) -> None:
    path = tmp_path / "h36m.npz"
    np.savez(path, positions_3d=table)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=rf"h36m\.npz: .*{words}.*docs/data\.md"):
        read_npz(path)


def test_an_npz_of_something_else_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(DataError, match="positions_3d: is not among its members"):
        read_npz(tmp_path / "other.npz")
    with pytest.raises(DataError, match="D3_Positions"):
        read_originals(tmp_path)


def test_the_protocols_subjects_and_actions() -> None:
    assert not set(TRAIN_SUBJECTS) & set(TEST_SUBJECTS)
    assert len(ACTIONS) == 15
