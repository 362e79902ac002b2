"""Reading a calibrated recording: the documented format, and one error with a cure for every way it can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from training.calibrated_views import CALIBRATION, TIMESTAMPS, pair, read_recording
from training.data_error import DataError

TURN = Rotation.from_euler("xyz", [0.3, -1.0, 2.0])
IDS = ("0", "1", "2", "side")


def table(name: str, **changed: object) -> str:
    fields = {
        "size": [1280, 720],
        "matrix": [[900, 0, 640], [0, 905, 360], [0, 0, 1]],
        "distortions": [-0.3, 0.05, 0.001, 0.002, 0.01],
        "rotation": TURN.as_matrix().tolist(),
        "translation": [0.1, -0.2, 3.0],
        **changed,
    }
    lines = [f"{key} = {str(value).lower()}" for key, value in fields.items() if value is not None]
    return f"[cameras.{name}]\n" + "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in IDS:
        (tmp_path / f"cam_{name}.mp4").write_bytes(b"a video")
    (tmp_path / CALIBRATION).write_text("".join(table(name) for name in IDS))
    return tmp_path


def stamps(folder: Path, rows: list[tuple[int, str, int, float]]) -> None:
    lines = [",".join(map(str, row)) for row in rows]
    (folder / TIMESTAMPS).write_text("\n".join(["sync_index,cam_id,frame_index,frame_time", *lines]) + "\n")


def counts(frames: int) -> dict[str, int]:
    return dict.fromkeys(IDS, frames)


def test_metres_become_millimetres_and_axes_are_the_cameras(folder: Path) -> None:
    view = read_recording(folder).views[3]
    assert view.name == "side" and view.video.name == "cam_side.mp4"
    assert view.camera.focal_px == (900, 905) and view.camera.distortion[4] == 0.01
    world = np.array([250.0, 10.0, -40.0])
    np.testing.assert_allclose(view.seen(world), TURN.as_matrix() @ world + [100, -200, 3000], atol=1e-9)


def test_a_rotation_vector_is_the_same_rotation(folder: Path) -> None:
    plain = read_recording(folder).views[0].camera_from_world
    text = table("0", rotation=TURN.as_rotvec().tolist()) + "".join(table(name) for name in IDS[1:])
    (folder / CALIBRATION).write_text(text)
    np.testing.assert_allclose(read_recording(folder).views[0].camera_from_world, plain, atol=1e-9)


def test_an_ignored_camera_needs_neither_video_nor_place(folder: Path) -> None:
    with (folder / CALIBRATION).open("a") as file:
        file.write(table("9", rotation=None, ignore=True))
    (folder / "cam_9.mp4").write_bytes(b"a video")
    assert [view.name for view in read_recording(folder).views] == list(IDS)


def test_without_timestamps_frames_are_paired_by_index(folder: Path) -> None:
    moments = pair(read_recording(folder), counts(5)).every(2)
    assert moments.frames.tolist() == [[0] * 4, [2] * 4, [4] * 4] and moments.spread_s is None


def test_timestamps_pair_by_sync_index_and_tell_the_spread(folder: Path) -> None:
    rows = [(sync, name, 40 + sync, sync / 6 + 0.001 * at) for sync in (7, 8, 9) for at, name in enumerate(IDS)]
    stamps(folder, [row for row in reversed(rows) if row[:2] != (7, "1")] + [(10, "1", 50, 2.0)])
    moments = pair(read_recording(folder), counts(3))
    assert moments.frames.tolist() == [[1, 0, 1, 1], [2, 1, 2, 2]]
    assert moments.spread_s is not None
    np.testing.assert_allclose(moments.spread_s, 0.003)


def test_unequal_frame_counts_name_them(folder: Path) -> None:
    with pytest.raises(DataError, match=r"unequal numbers of frames .*cam_2\.mp4 4.*sync_index"):
        pair(read_recording(folder), {**counts(5), "2": 4})


def test_timestamps_of_another_length_are_refused(folder: Path) -> None:
    stamps(folder, [(0, name, 0, 0.0) for name in IDS])
    with pytest.raises(DataError, match="1 lines for camera 0, its video has 2 frames"):
        pair(read_recording(folder), counts(2))


def test_timestamps_without_a_shared_moment_are_refused(folder: Path) -> None:
    stamps(folder, [(at, name, 0, 0.0) for at, name in enumerate(IDS)])
    with pytest.raises(DataError, match="none is shared"):
        pair(read_recording(folder), counts(1))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "sync_index,cam_id,frame_index,frame_time\nx,0,0,0.0\n"])
def test_unreadable_timestamps_name_the_columns(folder: Path, text: str) -> None:
    (folder / TIMESTAMPS).write_text(text)
    with pytest.raises(DataError, match=r"timestamps\.csv.*expected the columns sync_index"):
        read_recording(folder)


def test_a_missing_video_is_named(folder: Path) -> None:
    (folder / "cam_2.mp4").unlink()
    with pytest.raises(DataError, match=r"cam_2\.mp4: video: missing for camera 2"):
        read_recording(folder)


def test_a_video_without_calibration_is_named(folder: Path) -> None:
    (folder / "cam_7.avi").write_bytes(b"a video")
    with pytest.raises(DataError, match=r"cam_7\.avi.*has none.*\[cameras\.7\]"):
        read_recording(folder)


def test_fewer_than_four_views_are_refused(folder: Path) -> None:
    (folder / "cam_side.mp4").unlink()
    (folder / CALIBRATION).write_text("".join(table(name) for name in IDS[:3]))
    with pytest.raises(DataError, match="3 cameras, at least 4"):
        read_recording(folder)


def test_a_missing_or_unreadable_calibration_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_recording(folder / "nowhere")
    (folder / CALIBRATION).write_text("[cameras.0\n")
    with pytest.raises(DataError, match="not valid TOML"):
        read_recording(folder)
    (folder / CALIBRATION).write_text("cameras = 4\n")
    with pytest.raises(DataError, match=r"no tables \[cameras\.ID\]"):
        read_recording(folder)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"rotation": None}, "has no rotation, so it is not calibrated"),
        ({"translation": None}, "has no translation"),
        ({"matrix": [[1, 2], [3, 4]]}, r"expected \(3, 3\)"),
        ({"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, "no rotation matrix"),
        ({"rotation": [[2, 0, 0], [0, 2, 0], [0, 0, 2]]}, "no rotation matrix"),
        ({"translation": [0.0, float("nan"), 1.0]}, "finite"),
        ({"distortions": [0.0] * 8}, "8 terms"),
        ({"size": [1280]}, "expected matrix"),
        ({"matrix": [[-900, 0, 640], [0, 905, 360], [0, 0, 1]]}, "focal length must be positive"),
    ],
)
def test_a_camera_that_cannot_be_used_is_named(folder: Path, changed: dict[str, object], cause: str) -> None:
    (folder / CALIBRATION).write_text("".join(table(name) for name in IDS[:3]) + table("side", **changed))
    with pytest.raises(DataError, match=rf"cameras\.side: .*{cause}"):
        read_recording(folder)
