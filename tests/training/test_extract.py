"""Pictures out of Human3.6M's videos: real video files, and boxes that hold the person."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from research_files import human36m_npz
from typer.testing import CliRunner

from tools.data import app
from training.data_error import DataError
from training.extract import ExtractionPlan, box_of, extract
from training.human36m import read_npz

CAMERA = "55011271"


def write_video(path: Path, *, frames: int = 6, size_wh: tuple[int, int] = (1000, 1000)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 50.0, size_wh)
    for frame in range(frames):
        writer.write(np.full((size_wh[1], size_wh[0], 3), 40 * frame, np.uint8))
    writer.release()


def shades(path: Path) -> list[np.ndarray]:
    return [np.full((1000, 1000, 3), 40 * frame, np.uint8) for frame in range(6)]


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    human36m_npz(tmp_path / "data_3d_h36m.npz")
    for name in ("Walking", "TakingPhoto 1"):
        write_video(tmp_path / "S1" / "Videos" / f"{name}.{CAMERA}.mp4")
    return tmp_path


def test_pictures_boxes_and_intrinsics_are_written(studio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = ExtractionPlan(subjects=("S1",), cameras=(CAMERA,), every=2)
    recordings = read_npz(studio / "data_3d_h36m.npz")
    assert extract(studio, recordings, out, plan=plan, pictures=shades) == 6
    with np.load(out / "index.npz", allow_pickle=False) as index:
        assert index["frame"].tolist() == [0, 2, 4, 0, 2, 4]
        assert set(index["action"]) == {"Walking", "Photo"}
        assert index["K"].shape == (6, 3, 3)
        for row, name in enumerate(index["image"]):
            picture = cv2.imread(str(out / str(name)))
            assert abs(int(picture.mean()) - 40 * index["frame"][row]) <= 1
        x0, y0, x1, y1 = index["box_xyxy_px"][0]
        assert 300 < y1 - y0 < 700
        joints, root, camera = recordings[0].seen_by(CAMERA)
        pixels = camera.camera.project((joints[0] + root[0]).astype(np.float64))
        assert ((pixels >= [x0, y0]) & (pixels <= [x1, y1])).all()
        np.testing.assert_array_equal(index["joints_mm"][0], joints[0])


def test_the_command_decodes_real_videos(studio: Path, tmp_path: Path) -> None:
    for camera in ("54138969", "58860488", "60457274"):
        for name in ("Walking", "TakingPhoto 1"):
            size = (1000, 1002) if camera in ("54138969", "60457274") else (1000, 1000)
            write_video(studio / "S1" / "Videos" / f"{name}.{camera}.mp4", size_wh=size)
    done = CliRunner().invoke(app, ["extract", str(studio), str(tmp_path / "out"), "--subject", "S1", "--every", "3"])
    assert done.exit_code == 0, done.output
    assert "16 pictures" in done.output


def test_a_missing_video_is_named_before_anything_is_decoded(studio: Path, tmp_path: Path) -> None:
    plan = ExtractionPlan(subjects=("S1", "S11"), cameras=(CAMERA,))
    with pytest.raises(DataError, match=r"S11/Videos/Directions 1\.55011271\.mp4: video: is missing"):
        extract(studio, read_npz(studio / "data_3d_h36m.npz"), tmp_path / "out", plan=plan, pictures=shades)
    assert not (tmp_path / "out").exists()


def test_resized_and_cut_off_videos_are_refused(studio: Path, tmp_path: Path) -> None:
    plan = ExtractionPlan(subjects=("S1",), cameras=(CAMERA,))
    recordings = read_npz(human36m_npz(studio / "long.npz", frames=40))
    with pytest.raises(DataError, match=r"Walking\.55011271\.mp4: frames: 6 where the recording has 40"):
        extract(studio, recordings, tmp_path / "out", plan=plan, pictures=shades)
    with pytest.raises(DataError, match=r"size: \(500, 500\)"):
        extract(studio, recordings, tmp_path / "out", plan=plan, pictures=lambda _: [np.zeros((500, 500, 3), np.uint8)])


def test_a_box_is_cut_at_the_pictures_edges() -> None:
    assert box_of(np.array([[-50.0, 20.0], [950.0, 1200.0]]), (1000, 1000)).tolist() == [0, 0, 999, 999]


def test_no_recording_of_a_subject_is_an_error(studio: Path, tmp_path: Path) -> None:
    plan = ExtractionPlan(subjects=("S7",))
    with pytest.raises(DataError, match="no recording of S7"):
        extract(studio, read_npz(studio / "data_3d_h36m.npz"), tmp_path / "out", plan=plan, pictures=shades)
