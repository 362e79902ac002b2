"""A video file as a recording: its pictures with their times, and what is wrong with it when it has none."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Generator
from pathlib import Path

import cv2

from realtime.capture import Capture
from realtime.file_source import DEFAULT_RATE_HZ, Picture, ended
from realtime.frame import SourceEvent
from realtime.frame_source import SourceError

log = logging.getLogger(__name__)

LONGEST_GAP_S = 10.0  # a longer hole between two frames is taken for a broken time stamp
CONVERT = "Play it with `ffplay` to check it, or convert it: ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4"


_DECODER_WISHES = {cv2.CAP_PROP_N_THREADS: 1} if (os.cpu_count() or 1) <= 2 else {}
"""On two cores FFmpeg's own threads take the network's core away: 3 to 11 % fewer frames/s (docs/experiments.md)."""


class VideoFile:
    """Every frame of a video, turned upright as its metadata asks, with the container's own times where they rise."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.rate_hz: float | None = None
        self.frame_count: int | None = None
        self._path = path

    def pictures(self) -> Generator[Picture | SourceEvent]:
        """See Recording.pictures. Raises SourceError naming the file, the cause and the cure."""
        capture = self._open()
        try:
            yield from self._decode(capture)
        finally:
            capture.close()

    def _open(self) -> Capture:
        _check_readable(self._path)
        capture = Capture(str(self._path), cv2.CAP_FFMPEG, _DECODER_WISHES)
        if not capture.is_open:
            raise _unreadable(self._path)
        capture.wish(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones store the picture as the sensor lies
        self.rate_hz, self.frame_count = capture.rate_hz, capture.frame_count
        return capture

    def _decode(self, capture: Capture) -> Generator[Picture | SourceEvent]:
        decoded, time_s, first_s = 0, 0.0, 0.0
        period_s = 1.0 / (self.rate_hz or DEFAULT_RATE_HZ)
        while capture.grab() and (image_rgb := capture.picture_rgb()) is not None:
            reported_s = capture.position_s
            if decoded == 0:
                first_s = reported_s if math.isfinite(reported_s) else 0.0
            else:
                time_s = next_time_s(time_s, reported_s - first_s, period_s=period_s)
            decoded += 1
            yield Picture(image_rgb, time_s)
        if decoded == 0:
            raise SourceError(f"{self._path}: the video opens but not one of its frames can be decoded", CONVERT)
        yield self._end_of_round(decoded)

    def _end_of_round(self, decoded: int) -> SourceEvent:
        expected = self.frame_count or decoded
        # Containers without a frame table report duration times rate, which may be a few frames off.
        if decoded >= expected - max(3, expected // 50):
            return ended(f"{self.name}: end after {decoded} frames")
        text = f"{self.name}: decoding stopped after {decoded} of {expected} frames, the rest is damaged or cut off"
        log.warning("%s", text)
        return ended(text)


def next_time_s(last_s: float, reported_s: float, *, period_s: float) -> float:
    """The container's time where it follows the last one plausibly, otherwise one frame period later."""
    return reported_s if last_s < reported_s <= last_s + LONGEST_GAP_S else last_s + period_s


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a directory, not a video", "Name one video file, or a directory of images")
    if not path.exists():
        raise SourceError(f"{path} was not found", "Check the spelling and the folder; quote names that hold spaces")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} may not be read", f"Give yourself the right to read it: chmod u+r '{path}'")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes)", "Copy or record it again")


def _unreadable(path: Path) -> SourceError:
    if _lacks_mp4_index(path):
        cause = f"{path} is cut off: its index (the moov box) is missing, as after an unfinished recording or copy"
        return SourceError(cause, "Copy or record it again")
    return SourceError(f"{path} holds no video stream with a known codec, or is no video at all", CONVERT)


def _lacks_mp4_index(path: Path) -> bool:
    """Walk the top-level boxes of ISO/IEC 14496-12: 4 bytes length, 4 bytes type."""
    if not path.is_file():
        return False
    size, at = path.stat().st_size, 0
    seen: set[bytes] = set()
    with path.open("rb") as file:
        while at + 8 <= size and len(seen) < 64:
            file.seek(at)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4]), head[4:8]
            if kind == b"ftyp" or seen:
                seen.add(kind)
            at += int.from_bytes(head[8:16]) if length == 1 else (length or size)
            if length in range(2, 8) or not seen:
                break
    return b"ftyp" in seen and b"moov" not in seen
