"""A recording by several calibrated cameras: one TOML file, one video per camera, and which frames belong together.

DIR/camera_array.toml   per camera a table [cameras.ID]: matrix (3x3), distortions (k1, k2, p1, p2, k3), size
                        ([width, height]), rotation (3x3 or a rotation vector) and translation (metres): the
                        camera's axes from the world's, as OpenCV's stereo calibration and Caliscope write them
DIR/cam_ID.mp4          or .avi, .mkv, .mov
DIR/timestamps.csv      optional: sync_index, cam_id, frame_index, frame_time (seconds), one line per frame of each
                        video in its order; without it frame i of every video shows the same moment
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera, CameraError
from training.data_error import DataError

F64 = NDArray[np.float64]

CALIBRATION = "camera_array.toml"
TIMESTAMPS = "timestamps.csv"
VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov")
MIN_VIEWS = 4
"""A joint's reference needs three views besides the one that is scored."""
_EXPECTED = "expected matrix = 3x3, distortions, size = [width, height], rotation = 3x3 or 3 numbers, translation = 3"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One camera: its lens, where it stands, and its video."""

    name: str
    camera: Camera
    camera_from_world: F64
    """(3, 3) rotation."""
    offset_mm: F64
    """(3,) the world's origin in camera axes."""
    video: Path

    def seen(self, world_mm: F64) -> F64:
        """(..., 3) world -> (..., 3) camera axes, millimetres."""
        return np.asarray(world_mm @ self.camera_from_world.T + self.offset_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """`timestamps` maps each view's name to the (sync index, seconds) of its frames, in their order; None = no file."""

    directory: Path
    views: tuple[View, ...]
    timestamps: Mapping[str, Sequence[tuple[int, float]]] | None


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Which frame of each view shows the same moment."""

    frames: NDArray[np.intp]
    """(moment, view) 0-based index of the frame, rising along each view."""
    spread_s: F64 | None
    """(moment,) last minus first capture; None where no timestamps say it."""

    def every(self, step: int) -> Moments:
        return Moments(self.frames[::step], None if self.spread_s is None else self.spread_s[::step])


def read_recording(directory: Path) -> Recording:
    """Cameras, videos and timestamps of a folder. DataError names the file, what is wrong and the cure."""
    path = directory / CALIBRATION
    cameras = _cameras(path)
    views = tuple(_view(path, name, fields, _video(directory, name)) for name, fields in cameras.items())
    _check_all_calibrated(directory, cameras)
    if len(views) < MIN_VIEWS:
        problem = f"{len(views)} cameras, at least {MIN_VIEWS} are needed"
        cure = "three other views must see a joint of the scored one; add cameras, or take `ignore` from them"
        raise DataError.of(path, "cameras", problem, cure=cure)
    return Recording(directory, views, _timestamps(directory / TIMESTAMPS, views))


def pair(recording: Recording, frame_counts: Mapping[str, int]) -> Moments:
    """The moments that all views saw; `frame_counts` are those of the videos. DataError where they do not fit."""
    names = [view.name for view in recording.views]
    if recording.timestamps is None:
        return Moments(_by_index(recording, frame_counts), None)
    for name in names:
        if len(recording.timestamps[name]) != frame_counts[name]:
            problem = (
                f"{len(recording.timestamps[name])} lines for camera {name}, its video has {frame_counts[name]} frames"
            )
            raise DataError.of(
                recording.directory / TIMESTAMPS, "cam_id", problem, cure="one line per frame of the video is needed"
            )
    rank = {name: {sync: at for at, (sync, _) in enumerate(recording.timestamps[name])} for name in names}
    shared = sorted(set.intersection(*(set(rank[name]) for name in names)))
    if not shared:
        raise DataError.of(
            recording.directory / TIMESTAMPS, "sync_index", "none is shared by all cameras", cure="synchronise them"
        )
    frames = np.array([[rank[name][sync] for name in names] for sync in shared], np.intp)
    times = np.array([[recording.timestamps[name][rank[name][sync]][1] for name in names] for sync in shared])
    return Moments(frames, np.ptp(times, axis=1))


def _by_index(recording: Recording, frame_counts: Mapping[str, int]) -> NDArray[np.intp]:
    counts = [frame_counts[view.name] for view in recording.views]
    if len(set(counts)) != 1:
        shown = ", ".join(f"{view.video.name} {count}" for view, count in zip(recording.views, counts, strict=True))
        cure = f"cut the videos to the same moments, or write {TIMESTAMPS} with sync_index"
        raise DataError.of(recording.directory, "videos", f"unequal numbers of frames ({shown})", cure=cure)
    return np.repeat(np.arange(counts[0], dtype=np.intp)[:, None], len(counts), axis=1)


def _cameras(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        cure = "name the folder of a calibrated recording, see docs/multiview.md"
        raise DataError.of(path, "file", f"cannot be read ({error.strerror})", cure=cure) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError.of(path, "file", f"not valid TOML ({error})", cure="write or export it again") from error
    cameras = content.get("cameras")
    if not isinstance(cameras, dict) or not all(isinstance(fields, dict) for fields in cameras.values()):
        raise DataError.of(path, "cameras", "no tables [cameras.ID]", cure=_EXPECTED)
    return {name: fields for name, fields in cameras.items() if not fields.get("ignore", False)}


def _view(path: Path, name: str, fields: Mapping[str, Any], video: Path) -> View:
    where = f"cameras.{name}"
    try:
        K = _numbers(fields["matrix"], (3, 3))
        terms = np.ravel(np.asarray(fields.get("distortions", ()), np.float64)).tolist()
        if len(terms) > 5:
            raise ValueError(f"distortions has {len(terms)} terms")
        k1, k2, p1, p2, k3 = terms + [0.0] * (5 - len(terms))
        width, height = np.asarray(fields["size"], int).tolist()
        focal, centre = (float(K[0, 0]), float(K[1, 1])), (float(K[0, 2]), float(K[1, 2]))
        camera = Camera(focal, centre, (width, height), f"file {path.name}", (k1, k2, p1, p2, k3))
        rotation, metres = _rotation(fields["rotation"]), _numbers(fields["translation"], (3,))
    except KeyError as error:
        raise DataError.of(path, where, f"has no {error.args[0]}, so it is not calibrated", cure=_EXPECTED) from error
    except (TypeError, ValueError, CameraError) as error:
        raise DataError.of(path, where, str(error), cure=_EXPECTED) from error
    return View(name, camera, rotation, metres * 1000.0, video)


def _numbers(value: Any, shape: tuple[int, ...]) -> F64:
    numbers = np.asarray(value, np.float64)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f"expected {shape} finite numbers, got {value!r}")
    return numbers


def _rotation(value: Any) -> F64:
    """A 3x3 matrix as it is, three numbers as a rotation vector (axis times radians)."""
    numbers = np.asarray(value, np.float64)
    if numbers.shape == (3,):
        angle = float(np.linalg.norm(numbers))
        x, y, z = numbers / max(angle, 1e-12)
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        numbers = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    turn = _numbers(numbers, (3, 3))
    if np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3 or np.linalg.det(turn) < 0:
        raise ValueError(f"rotation is no rotation matrix: {value!r}")
    return turn


def _video(directory: Path, name: str) -> Path:
    found = [path for suffix in VIDEO_SUFFIXES if (path := directory / f"cam_{name}{suffix}").is_file()]
    if not found:
        kinds = ", ".join(VIDEO_SUFFIXES)
        cure = f"put it there ({kinds}), or set `ignore = true` for this camera"
        raise DataError.of(directory / f"cam_{name}.mp4", "video", f"missing for camera {name}", cure=cure)
    return found[0]


def _check_all_calibrated(directory: Path, cameras: Mapping[str, object]) -> None:
    """A video that the calibration does not know is a mistake, unless the file says to ignore its camera."""
    videos = [path for path in sorted(directory.glob("cam_*")) if path.suffix.lower() in VIDEO_SUFFIXES]
    known = {f"cam_{name}" for name in cameras} | {f"cam_{name}" for name in _ignored(directory / CALIBRATION)}
    for video in videos:
        if video.stem not in known:
            cure = f"add [cameras.{video.stem[4:]}] to {CALIBRATION}, or move the video away"
            raise DataError.of(video, "calibration", "this camera has none", cure=cure)


def _ignored(path: Path) -> list[str]:
    cameras = tomllib.loads(path.read_text(encoding="utf-8"))["cameras"]
    return [name for name, fields in cameras.items() if fields.get("ignore", False)]


def _timestamps(path: Path, views: Sequence[View]) -> dict[str, list[tuple[int, float]]] | None:
    if not path.is_file():
        return None
    lines: dict[str, list[tuple[int, int, float]]] = {view.name: [] for view in views}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["cam_id"] in lines:
                    entry = (int(row["frame_index"]), int(row["sync_index"]), float(row["frame_time"]))
                    lines[row["cam_id"]].append(entry)
    except (KeyError, TypeError, ValueError) as error:
        cure = "expected the columns sync_index, cam_id, frame_index, frame_time"
        raise DataError.of(path, "columns", f"unreadable ({error!r})", cure=cure) from error
    return {name: [(sync, time_s) for _, sync, time_s in sorted(entries)] for name, entries in lines.items()}
