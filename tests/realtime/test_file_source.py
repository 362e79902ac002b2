"""Recordings: every frame once and in order, with rising index and media time, whatever the reader's speed."""

import itertools
import threading
import time
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.file_source import DECODED_AHEAD, FileSource, Picture
from realtime.frame import Frame, SourceEvent
from realtime.frame_source import FrameSource, SourceError, SourceOptions
from realtime.sources import open_source

MAX = SourceOptions(pace="max")


def make_video(path: Path, *, frames: int = 12, size_wh: tuple[int, int] = (64, 48), rate_hz: float = 20.0) -> Path:
    """Frame n has grey level 20 (n mod 12) on its left and black on its right."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, size_wh)
    assert writer.isOpened()
    for number in range(frames):
        image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        image[:, : size_wh[0] // 2] = 20 * (number % 12)
        writer.write(image)
    writer.release()
    return path


def read_all(source: FrameSource, limit: int = 10_000) -> list[Frame | SourceEvent]:
    items: list[Frame | SourceEvent] = []
    while len(items) < limit and (item := source.read(10.0)) is not None:
        items.append(item)
    return items


def frames_of(items: list[Frame | SourceEvent]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def kinds_of(items: list[Frame | SourceEvent]) -> list[str]:
    return [item.kind for item in items if isinstance(item, SourceEvent)]


def test_every_frame_comes_once_in_order_and_then_the_end(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4")
    with open_source(str(video), MAX) as source:
        assert (source.live, source.name, source.size_wh) == (False, "v.mp4", (64, 48))
        assert (source.rate_hz, source.frame_count) == (20.0, 12)
        items = read_all(source)
        assert source.read(0.0) is None
        assert source.drops == 0
    frames = frames_of(items)
    assert [frame.index for frame in frames] == list(range(12))
    assert kinds_of(items) == ["ended"]
    assert isinstance(items[-1], SourceEvent)
    assert [frame.media_time_s for frame in frames] == pytest.approx([n / 20 for n in range(12)])
    levels = [float(frame.image_rgb[:, 4:28].mean()) for frame in frames]
    assert levels == pytest.approx([20 * n for n in range(12)], abs=6)
    stamps = [frame.captured_ns for frame in frames]
    assert stamps == sorted(stamps)


def test_colours_arrive_as_rgb(tmp_path: Path) -> None:
    red_bgr = np.zeros((8, 8, 3), np.uint8)
    red_bgr[..., 2] = 255
    cv2.imwrite(str(tmp_path / "red.png"), red_bgr)
    with open_source(str(tmp_path / "red.png"), MAX) as source:
        frame = source.read(10.0)
    assert isinstance(frame, Frame)
    assert frame.image_rgb[0, 0].tolist() == [255, 0, 0]


class CountedRecording:
    """Any number of small pictures, counting those that were asked for."""

    name = "counted"
    rate_hz: float | None = 30.0
    frame_count: int | None = None
    decoded = 0

    def pictures(self) -> Generator[Picture | SourceEvent]:
        for number in itertools.count():
            self.decoded += 1
            yield Picture(np.zeros((4, 4, 3), np.uint8), number / 30)


def test_decoding_runs_ahead_of_a_slow_reader_by_a_bounded_number() -> None:
    recording = CountedRecording()
    with FileSource(recording, MAX) as source:
        for read in range(5):
            time.sleep(0.05)
            assert recording.decoded <= read + DECODED_AHEAD + 2  # one in hand, one being decoded
            source.read(10.0)


class FailingRecording(CountedRecording):
    def pictures(self) -> Generator[Picture | SourceEvent]:
        yield Picture(np.zeros((4, 4, 3), np.uint8), 0.0)
        raise RuntimeError("decoder bug")


def test_a_failing_decoder_reaches_the_reader() -> None:
    with FileSource(FailingRecording(), MAX) as source:
        assert isinstance(source.read(10.0), Frame)
        with pytest.raises(SourceError, match="decoder bug"):
            source.read(10.0)


def test_loop_keeps_index_and_media_time_rising(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=5)
    with open_source(str(video), SourceOptions(pace="max", loop=True)) as source:
        items = read_all(source, limit=16)
    frames = frames_of(items)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [frame.media_time_s for frame in frames] == pytest.approx([n / 20 for n in range(len(frames))])
    kinds = [item.kind if isinstance(item, SourceEvent) else "frame" for item in items]
    assert kinds == (["frame"] * 5 + ["looped"]) * 2 + ["frame"] * 4


def test_media_pace_never_hands_on_early_and_never_drops(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=6)
    with open_source(str(video), SourceOptions(pace="media")) as source:
        frames = frames_of(read_all(source))
    assert [frame.index for frame in frames] == list(range(6))
    for frame in frames:
        assert frame.media_time_s is not None
        assert (frame.captured_ns - frames[0].captured_ns) * 1e-9 >= frame.media_time_s - 1e-3


def test_media_pace_gives_none_until_a_frame_is_due(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=3, rate_hz=1.0)
    with open_source(str(video), SourceOptions(pace="media")) as source:
        first = source.read(10.0)
        assert isinstance(first, Frame)
        assert source.read(0.05) is None
        second = source.read(10.0)
    assert isinstance(second, Frame)
    assert second.index == 1


def test_a_late_reader_gets_the_next_frame_at_once(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=4, rate_hz=10.0)
    with open_source(str(video), SourceOptions(pace="media")) as source:
        assert isinstance(source.read(10.0), Frame)
        time.sleep(0.6)
        late = [source.read(0.0) for _ in range(3)]
    assert [frame.index for frame in late if isinstance(frame, Frame)] == [1, 2, 3]


def test_mirror_swaps_left_and_right(tmp_path: Path) -> None:
    image = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(4, 6, 3)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    seen = []
    for options in (MAX, SourceOptions(pace="max", mirror=True)):
        with open_source(str(tmp_path / "a.png"), options) as source:
            frame = source.read(10.0)
            assert isinstance(frame, Frame)
            seen.append(frame.image_rgb)
    assert np.array_equal(seen[1], seen[0][:, ::-1])


def test_leaving_early_ends_the_decoding_thread(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=60)
    before = set(threading.enumerate())
    with open_source(str(video), SourceOptions(pace="max", loop=True)) as source:
        source.read(10.0)
    assert set(threading.enumerate()) <= before


def test_a_file_that_vanishes_while_looping_raises(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", frames=30)
    with open_source(str(video), SourceOptions(pace="max", loop=True)) as source:
        video.unlink()
        with pytest.raises(SourceError, match="not found"):
            read_all(source)
        assert source.read(0.0) is None
