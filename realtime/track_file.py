"""Every frame of a video through the line, into a pose file and, if asked, a video with skeletons."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import FrameSource
from realtime.overlay import drawn
from realtime.parts import LiveParts
from realtime.person import TrackedPerson
from realtime.pose_file import PoseFileError, PoseRows

OnFrame = Callable[[Frame, list[TrackedPerson]], None]


@dataclass(frozen=True, slots=True)
class TrackJob:
    video: str
    out: Path
    overlay: Path | None


def outputs_for(videos: Sequence[str], out: Path, overlay: Path | None) -> list[TrackJob]:
    """Where each video's files go: as named for one video, into directories for several.

    Directories are made. PoseFileError when a name cannot serve, before any work is done.
    """
    if len(videos) == 1 and out.suffix == ".npz" and not out.is_dir():
        jobs = [TrackJob(videos[0], out, overlay)]
    else:
        names = [Path(video).stem for video in videos]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise PoseFileError(f"two videos would write {twice.pop()}.npz; track them one at a time")
        overlays = [None if overlay is None else overlay / f"{name}.mp4" for name in names]
        jobs = [
            TrackJob(video, out / f"{name}.npz", over)
            for video, name, over in zip(videos, names, overlays, strict=True)
        ]
    for job in jobs:
        _ready(job.out, ".npz")
        if job.overlay is not None:
            _ready(job.overlay, ".mp4")
    return jobs


def _ready(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise PoseFileError(f"{path} must end in {suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PoseFileError(f"cannot make the directory {path.parent}: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise PoseFileError(f"may not write into {path.parent}; choose another place")


def tracked(source: FrameSource, parts: LiveParts, *, on_frame: OnFrame) -> tuple[PoseRows, list[SourceEvent]]:
    """Rows for all frames of an open source that is not live, and what happened on the way."""
    rows = PoseRows()
    events: list[SourceEvent] = []
    while True:
        match source.read(1.0):
            case Frame() as frame:
                people = parts.line.people(frame)
                rows.add(frame, people)
                on_frame(frame, people)
            case SourceEvent() as event:
                events.append(event)
                parts.line.react(event)
                if event.kind == "ended":
                    return rows, events


class OverlayVideo:
    """An .mp4 of the frames with their skeletons; appears under its name only when it is complete."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.stem}.{os.getpid()}.partial.mp4")
        self._rate_hz = rate_hz
        self._size_wh = (0, 0)
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, frame: Frame, people: Sequence[TrackedPerson]) -> None:
        """Frames of another size than the first are scaled to it. PoseFileError when no video can be written here."""
        writer = self._opened(frame.size_wh)
        picture = cv2.cvtColor(drawn(frame.image_rgb, people), cv2.COLOR_RGB2BGR)
        writer.write(picture if frame.size_wh == self._size_wh else cv2.resize(picture, self._size_wh))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if self._partial.exists() and kind is None:
            self._partial.replace(self._path)
        self._partial.unlink(missing_ok=True)

    def _opened(self, size_wh: tuple[int, int]) -> cv2.VideoWriter:
        if self._writer is None:
            self._size_wh = size_wh
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._partial), code, self._rate_hz, self._size_wh)
            if not self._writer.isOpened():
                raise PoseFileError(f"cannot write a video to {self._path}; choose another --overlay ending in .mp4")
        return self._writer
