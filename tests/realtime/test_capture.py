"""OpenCV's capture is used in one file, and stays quiet about what our errors already say."""

from pathlib import Path

import cv2
import pytest

import realtime
from realtime.capture import OPENCV_LOG, Capture


def test_video_capture_is_opened_in_one_file() -> None:
    root = Path(realtime.__file__).parents[1]
    files = [path for room in ("engine", "realtime", "training", "tools") for path in (root / room).rglob("*.py")]
    users = [path.name for path in files if "cv2.VideoCapture(" in path.read_text(encoding="utf-8")]
    assert users == ["capture.py"]


def test_what_cannot_be_opened_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "junk.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    level = OPENCV_LOG.getLogLevel()
    for target, backend in ((str(path), cv2.CAP_FFMPEG), (99, cv2.CAP_ANY)):
        capture = Capture(target, backend)
        assert not capture.is_open
        assert not capture.grab()
        assert capture.picture_rgb() is None
        capture.close()
    assert capfd.readouterr().err == ""
    assert OPENCV_LOG.getLogLevel() == level
