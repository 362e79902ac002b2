"""Pictures with boxes, intrinsics and poses from Human3.6M's videos, ready for training on images.

Human3.6M keeps videos at SUBJECT/Videos/ACTION.CAMERA.mp4; frame i of a video is frame i of the recording. Decoding is
handed in, because cameras and videos have their one home elsewhere.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import write_atomically
from training.data_error import DataError
from training.human36m import CAMERA_IDS, Recording

log = logging.getLogger(__name__)

Pictures = Callable[[Path], Iterable[NDArray[np.uint8]]]
"""Path of a video -> its pictures in order, RGB."""

BOX_MARGIN = 1.2
"""Side of a box over the extent of the joints: hands, feet and hair reach beyond them."""
_JPEG_QUALITY = 92
_VIDEO_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}


@dataclass(frozen=True, slots=True)
class ExtractionPlan:
    subjects: tuple[str, ...] = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
    cameras: tuple[str, ...] = CAMERA_IDS
    every: int = 5
    """One frame of so many: 5 gives 10 per second. 64 is usual for testing single images."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every counts frames from 1 on, got {self.every}")


@dataclass(slots=True)
class _Rows:
    image: list[str] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)
    action: list[str] = field(default_factory=list)
    camera: list[str] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    box_xyxy_px: list[NDArray[np.float32]] = field(default_factory=list)
    joints_mm: list[NDArray[np.float32]] = field(default_factory=list)
    root_mm: list[NDArray[np.float32]] = field(default_factory=list)
    K: list[NDArray[np.float64]] = field(default_factory=list)
    distortion: list[tuple[float, ...]] = field(default_factory=list)


def extract(
    directory: Path, recordings: Sequence[Recording], out: Path, *, plan: ExtractionPlan, pictures: Pictures
) -> int:
    """Write OUT/images/*/*.jpg and OUT/index.npz, one row per picture; returns how many.

    The index has plain arrays: image (path below OUT), subject, action, camera, frame, box_xyxy_px (4), joints_mm
    (17, 3) and root_mm in camera axes, K (3, 3), distortion (5). DataError names videos that are missing.
    """
    chosen = [recording for recording in recordings if recording.subject in plan.subjects]
    videos = [
        (recording, camera, _video(directory, recording, camera)) for recording in chosen for camera in plan.cameras
    ]
    if not videos:
        raise DataError.of(
            directory,
            "subjects",
            f"no recording of {', '.join(plan.subjects)}",
            cure="docs/data.md says where they come from",
        )
    rows = _Rows()
    for recording, camera_id, video in videos:
        _extract_video(video, recording, out, camera_id=camera_id, every=plan.every, pictures=pictures, rows=rows)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: np.array(getattr(rows, name)) for name in _Rows.__slots__})  # type: ignore[arg-type]
    write_atomically(out / "index.npz", buffer.getvalue())
    return len(rows.image)


def box_of(joints_px: NDArray[np.floating], size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """(17, 2) -> x0, y0, x1, y1 of the joints' box with margin, cut at the picture's edges."""
    low, high = joints_px.min(axis=0), joints_px.max(axis=0)
    extra = (high - low) * (BOX_MARGIN - 1) / 2
    edge = np.array(size_wh) - 1
    return np.concatenate([np.clip(low - extra, 0, edge), np.clip(high + extra, 0, edge)]).astype(np.float32)


def _extract_video(
    video: Path, recording: Recording, out: Path, *, camera_id: str, every: int, pictures: Pictures, rows: _Rows
) -> None:
    joints_mm, root_mm, studio = recording.seen_by(camera_id)
    name = f"{recording.subject}_{recording.source_name}_{camera_id}".replace(" ", "_")
    folder = out / "images" / name
    folder.mkdir(parents=True, exist_ok=True)
    decoded = 0
    for frame, image_rgb in enumerate(pictures(video)):
        decoded = frame + 1
        if frame >= len(recording):
            break
        if frame % every:
            continue
        if image_rgb.shape[1::-1] != studio.camera.size_wh:
            raise DataError.of(
                video, "size", f"{image_rgb.shape[1::-1]} where camera {camera_id} has {studio.camera.size_wh}",
                cure="fetch the original videos, not a resized copy",
            )  # fmt: skip
        file = folder / f"{frame:06d}.jpg"
        _, encoded = cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        write_atomically(file, encoded.tobytes())
        points_px = studio.camera.project((joints_mm[frame] + root_mm[frame]).astype(np.float64))
        rows.image.append(str(file.relative_to(out)))
        rows.subject.append(recording.subject)
        rows.action.append(recording.action)
        rows.camera.append(camera_id)
        rows.frame.append(frame)
        rows.box_xyxy_px.append(box_of(points_px, studio.camera.size_wh))
        rows.joints_mm.append(joints_mm[frame])
        rows.root_mm.append(root_mm[frame])
        rows.K.append(studio.camera.K)
        rows.distortion.append(studio.camera.distortion)
    if decoded < len(recording) - 10:
        raise DataError.of(
            video, "frames", f"{decoded} where the recording has {len(recording)}", cure="it is cut off, fetch it again"
        )
    log.info("%s: %d pictures", name, len(range(0, min(decoded, len(recording)), every)))


def _video(directory: Path, recording: Recording, camera_id: str) -> Path:
    folder = directory / recording.subject / "Videos"
    names = [recording.source_name]
    names += [recording.source_name.replace(ours, theirs) for ours, theirs in _VIDEO_NAMES.items() if ours in names[0]]
    for name in names:
        if (path := folder / f"{name}.{camera_id}.mp4").is_file():
            return path
    raise DataError.of(
        folder / f"{names[-1]}.{camera_id}.mp4",
        "video",
        "is missing",
        cure="docs/data.md says where the videos come from",
    )
