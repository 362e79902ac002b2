"""The file that `di2pose track` writes: one row per person and frame, as NumPy's .npz."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.body.camera import Camera
from engine.body.pose import JOINTS
from engine.body.skeleton import H36M17
from realtime.frame import Frame
from realtime.person import TrackedPerson


class PoseFileError(OSError):
    """The file cannot be written; the text names it and the cause."""


class PoseRows:
    """Collects rows in memory (about 0.8 kB each) and writes them at once, whole or not at all."""

    def __init__(self) -> None:
        self._columns: dict[str, list[object]] = {
            name: []
            for name in (
                "frame_index", "person_id", "time_s", "joints_mm", "root_mm",
                "joints_px", "confidence", "hidden", "spread_mm",
            )
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self._columns["frame_index"])

    @property
    def person_ids(self) -> set[object]:
        return set(self._columns["person_id"])

    def add(self, frame: Frame, people: Sequence[TrackedPerson]) -> None:
        """Rows for those who were measured in this frame; predicted and lost people have none."""
        for person in people:
            if person.state not in ("new", "tracked"):
                continue
            pose = person.pose
            spread_mm = np.full(JOINTS, np.nan, np.float32) if pose.spread_mm is None else pose.spread_mm
            values = (
                frame.index, person.person_id, frame.time_s, pose.joints_mm, pose.root_mm,
                pose.joints_px, pose.confidence, pose.hidden, spread_mm,
            )  # fmt: skip
            for column, value in zip(self._columns.values(), values, strict=True):
                column.append(value)

    def write(self, path: Path, *, camera: Camera, estimator: str, weights: str, fps: float) -> None:
        """Write `path` atomically: a file of this name is always whole. PoseFileError when it cannot be written."""
        scalars: dict[str, Any] = {
            "skeleton_id": H36M17.id,
            "estimator": estimator,
            "weights": weights,
            "fps": fps,
            "image_wh": np.array(camera.size_wh),
            "intrinsics": np.array([*camera.focal_px, *camera.centre_px, *camera.distortion]),
            "intrinsics_source": camera.source,
        }
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **self._arrays(), **scalars)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise PoseFileError(f"cannot write {path}: {error.strerror}; choose another --out") from error

    def _arrays(self) -> dict[str, Any]:
        shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "frame_index": ((), "i8"),
            "person_id": ((), "i8"),
            "time_s": ((), "f8"),
            "joints_mm": ((JOINTS, 3), "f4"),
            "root_mm": ((3,), "f4"),
            "joints_px": ((JOINTS, 2), "f4"),
            "confidence": ((JOINTS,), "f4"),
            "hidden": ((JOINTS,), "?"),
            "spread_mm": ((JOINTS,), "f4"),
        }
        return {
            name: np.array(self._columns[name], dtype).reshape(-1, *shape) for name, (shape, dtype) in shapes.items()
        }
