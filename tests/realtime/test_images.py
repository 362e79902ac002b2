"""Images: natural order, broken ones named and skipped, sizes may change."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import SourceError, SourceOptions
from realtime.sources import open_source

MAX = SourceOptions(pace="max", image_rate_hz=10.0)


def write_image(path: Path, level: int, size_wh: tuple[int, int] = (16, 12)) -> None:
    assert cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), level, np.uint8))


def read_all(text: str) -> list[Frame | SourceEvent]:
    items: list[Frame | SourceEvent] = []
    with open_source(text, MAX) as source:
        assert source.rate_hz == 10.0
        while (item := source.read(10.0)) is not None:
            items.append(item)
    return items


def levels(items: list[Frame | SourceEvent]) -> list[int]:
    return [int(item.image_rgb[0, 0, 0]) for item in items if isinstance(item, Frame)]


def test_directory_is_read_in_the_order_people_count(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        write_image(tmp_path / f"shot{number}.png", number)
    (tmp_path / "notes.txt").write_text("no image")
    items = read_all(str(tmp_path))
    assert levels(items) == [1, 9, 10, 100]
    assert [frame.media_time_s for frame in items if isinstance(frame, Frame)] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_glob_takes_what_matches(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.PNG", "b1.png"):
        write_image(tmp_path / name, 7)
    assert len(levels(read_all(str(tmp_path / "a*")))) == 2


def test_name_with_brackets_is_a_file_before_it_is_a_glob(tmp_path: Path) -> None:
    write_image(tmp_path / "shot[1].png", 5)
    assert levels(read_all(str(tmp_path / "shot[1].png"))) == [5]


def test_broken_image_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 1)
    (tmp_path / "2.png").write_bytes(b"not a picture")
    (tmp_path / "3.jpg").touch()
    write_image(tmp_path / "4.png", 4)
    items = read_all(str(tmp_path))
    assert levels(items) == [1, 4]
    skipped = [item.text for item in items if isinstance(item, SourceEvent) and item.kind == "skipped"]
    assert len(skipped) == 2
    assert "2.png" in skipped[0]
    assert "3.jpg" in skipped[1]
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.index for frame in frames] == [0, 1]
    assert frames[1].media_time_s == pytest.approx(0.3)


def test_broken_first_image_does_not_keep_the_rest_from_opening(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"junk")
    write_image(tmp_path / "2.png", 2)
    items = read_all(str(tmp_path))
    assert isinstance(items[0], SourceEvent)
    assert levels(items) == [2]


def test_change_of_size_is_announced_before_the_frame(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 1, size_wh=(16, 12))
    write_image(tmp_path / "2.png", 2, size_wh=(20, 10))
    items = read_all(str(tmp_path))
    kinds = [item.kind if isinstance(item, SourceEvent) else item.size_wh for item in items]
    assert kinds == [(16, 12), "resized", (20, 10), "ended"]


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    write_image(path, 90, size_wh=(32, 16))
    # APP1 segment: a little-endian TIFF header with the single tag 0x0112 (Orientation) = 6, a quarter turn
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + data[2:])
    frame = read_all(str(path))[0]
    assert isinstance(frame, Frame)
    assert frame.size_wh == (16, 32)


def test_directory_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(SourceError, match="holds no images") as caught:
        open_source(str(tmp_path), MAX)
    assert "jpg" in caught.value.cure


def test_glob_without_a_match(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no images, nothing there"):
        open_source(os.fspath(tmp_path / "*.jpg"), MAX)


def test_only_broken_images(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"junk")
    with pytest.raises(SourceError, match=r"none of 1 images.*1\.png"), open_source(str(tmp_path), MAX):
        pass
