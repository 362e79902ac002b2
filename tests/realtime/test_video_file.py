"""Videos that cannot be read name cause and cure; times always rise; phones' pictures stand upright."""

import math
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import SourceError, SourceOptions
from realtime.sources import open_source
from realtime.video_file import next_time_s

MAX = SourceOptions(pace="max")
FRAMES = 50


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (FRAMES, 48, 64, 3), np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (64, 48))
    for image in noise:
        image[:, :32] //= 8
        writer.write(image)
    writer.release()
    return path


def failure(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught, open_source(str(path), MAX):
        pass
    assert path.name in caught.value.cause
    assert caught.value.cure
    return caught.value


def test_noise_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(20_000))
    assert "no video stream" in failure(path).cause
    assert "ffmpeg" in failure(path).cure


def test_text_named_as_a_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.avi"
    path.write_text("not a film\n" * 50)
    assert "no video" in failure(path).cause


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "0 bytes" in failure(path).cause


def test_missing_file(tmp_path: Path) -> None:
    assert "neither a file nor a directory" in failure(tmp_path / "absent.mp4").cause


def test_mp4_without_its_index_is_told_from_other_damage(video: Path) -> None:
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    assert "cut off" in failure(video).cause


def test_video_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "none.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48)).release()
    assert failure(path).cure


def test_decoding_that_stops_early_is_said(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(video.read_bytes())
    start, moov = data.index(b"mdat"), data.index(b"moov")
    middle = start + (moov - start) // 2
    data[middle : moov - 8] = bytes(moov - 8 - middle)
    video.write_bytes(data)
    with open_source(str(video), MAX) as source:
        items = []
        while (item := source.read(10.0)) is not None:
            items.append(item)
    assert isinstance(items[-1], SourceEvent)
    assert items[-1].kind == "ended"
    assert "damaged or cut off" in items[-1].text
    assert f"of {FRAMES} frames" in items[-1].text
    assert "damaged or cut off" in caplog.text
    assert 0 < len(items) - 1 < FRAMES


def test_rotation_in_the_metadata_is_honoured(video: Path) -> None:
    """The display matrix of the track header (ISO/IEC 14496-12, 8.3.2) is turned by a quarter."""
    data = bytearray(video.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    video.write_bytes(data)
    with open_source(str(video), MAX) as source:
        assert source.size_wh == (48, 64)
        frame = source.read(10.0)
    assert isinstance(frame, Frame)
    assert frame.image_rgb[:32].mean() < 0.5 * frame.image_rgb[32:].mean()  # the dark left side is now on top


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40))
def test_times_rise_whatever_the_container_reports(reported_s: list[float]) -> None:
    time_s = 0.0
    for reported in reported_s:
        following_s = next_time_s(time_s, reported, period_s=0.04)
        assert math.isfinite(following_s)
        assert following_s > time_s
        time_s = following_s


def test_plausible_times_of_the_container_are_kept() -> None:
    assert next_time_s(1.0, 1.3, period_s=0.04) == 1.3
    assert next_time_s(1.0, 0.9, period_s=0.04) == pytest.approx(1.04)
    assert next_time_s(1.0, 1e6, period_s=0.04) == pytest.approx(1.04)
