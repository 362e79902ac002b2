import numpy as np
import pytest
from scenes import frame_at, pose_at

from engine.body.camera import Camera
from realtime.person import TrackedPerson
from realtime.pose_file import PoseFileError, PoseRows
from realtime.track_file import OverlayVideo, outputs_for

CAMERA = Camera.from_fov((640, 480), 60)
FACTS = {"camera": CAMERA, "estimator": "blazepose", "weights": "w", "fps": 30.0}


def rows_of(*states):
    rows = PoseRows()
    for index, state in enumerate(states):
        rows.add(frame_at(index), [TrackedPerson(index + 1, state, 0.5, pose_at(index + 1, 10.0 * index, 20.0))])
    return rows


def test_a_row_for_everybody_measured_and_none_for_the_rest(tmp_path):
    rows_of("new", "tracked", "predicted", "lost").write(tmp_path / "poses.npz", **FACTS)
    with np.load(tmp_path / "poses.npz", allow_pickle=False) as file:
        assert file["person_id"].tolist() == [1, 2]
        assert file["frame_index"].tolist() == [0, 1]
        np.testing.assert_array_equal(file["joints_px"][1], pose_at(2, 10.0, 20.0).joints_px)
        assert np.isnan(file["spread_mm"]).all()
        assert str(file["intrinsics_source"]) == "assumed 60 deg"
        assert file["image_wh"].tolist() == [640, 480]


def test_a_video_without_people_gives_a_file_without_rows(tmp_path):
    PoseRows().write(tmp_path / "empty.npz", **FACTS)
    with np.load(tmp_path / "empty.npz") as file:
        assert file["joints_mm"].shape == (0, 17, 3)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(PoseFileError, match="poses.npz"):
        rows_of("new").write(tmp_path / "absent" / "poses.npz", **FACTS)
    (tmp_path / "taken.npz").mkdir()
    with pytest.raises(PoseFileError, match="taken.npz"):
        rows_of("new").write(tmp_path / "taken.npz", **FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]


def test_one_video_goes_where_it_is_told_and_several_into_directories(tmp_path):
    [job] = outputs_for(["a.mp4"], tmp_path / "x.npz", tmp_path / "x.mp4")
    assert (job.out, job.overlay) == (tmp_path / "x.npz", tmp_path / "x.mp4")
    jobs = outputs_for(["a.mp4", "sub/b.avi"], tmp_path / "out", tmp_path / "pictures")
    assert [job.out for job in jobs] == [tmp_path / "out" / "a.npz", tmp_path / "out" / "b.npz"]
    assert [job.overlay for job in jobs] == [tmp_path / "pictures" / "a.mp4", tmp_path / "pictures" / "b.mp4"]


@pytest.mark.parametrize(
    ("videos", "out", "overlay", "named"),
    [
        (["a.mp4", "sub/a.avi"], "out", None, "a.npz"),
        (["a.mp4"], "x.npz", "x.gif", ".mp4"),
    ],
)
def test_names_that_cannot_serve_are_refused_before_any_work(tmp_path, videos, out, overlay, named):
    with pytest.raises(PoseFileError, match=named):
        outputs_for(videos, tmp_path / out, None if overlay is None else tmp_path / overlay)


def test_an_overlay_that_is_broken_off_is_not_taken_for_a_whole_one(tmp_path):
    with pytest.raises(RuntimeError), OverlayVideo(tmp_path / "o.mp4", 30.0) as video:
        video.add(frame_at(0), [])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with OverlayVideo(tmp_path / "o.mp4", 30.0) as video:
        video.add(frame_at(0), [])
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]


def test_an_overlay_where_no_video_can_be_written_is_an_error(tmp_path):
    with pytest.raises(PoseFileError, match="o.mp4"), OverlayVideo(tmp_path / "absent" / "o.mp4", 30.0) as video:
        video.add(frame_at(0), [])
