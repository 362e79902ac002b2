"""Builds the line from its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.blazepose.networks import detector_onnx, landmark_onnx
from engine.blazepose.pip_download import Progress, silent
from engine.body.camera import DEFAULT_FOV_DEG, Camera, CameraError
from engine.runtime.blazepose_estimator import BlazePoseEstimator
from engine.runtime.estimator import Estimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.config import ConfigError, LineConfig
from realtime.detector import PersonDetector
from realtime.finder import PersonFinder
from realtime.frame import Frame
from realtime.line import CameraOf, Line
from realtime.smoother import Smoother
from realtime.stages import StageClock
from realtime.windows import whole

ESTIMATORS = ("blazepose",)


@dataclass(frozen=True, slots=True)
class LiveParts:
    """A warm line and what must be said about it."""

    line: Line
    clock: StageClock
    estimator: Estimator
    camera_of: CameraOf


@contextmanager
def live_parts(
    estimator: str, config: LineConfig, *, camera_of: CameraOf, progress: Progress = silent
) -> Iterator[LiveParts]:
    """Load the networks (fetched and converted where missing), run each once, free them at the end.

    Raises NetworkFilesError, BackendError or ConfigError with cause and cure.
    """
    if estimator not in ESTIMATORS:
        raise ConfigError(f"unknown estimator {estimator!r}; known are {', '.join(ESTIMATORS)}")
    clock = StageClock()
    landmark_path, detector_path = landmark_onnx(progress=progress), detector_onnx(progress=progress)
    with (
        OnnxRuntimeBackend(landmark_path, config.threads) as landmark,
        OnnxRuntimeBackend(detector_path, config.threads) as detector,
    ):
        poses = BlazePoseEstimator(landmark, weights=landmark_path.stem)
        detect = PersonDetector(detector, min_score=config.tracking.min_detection_score, clock=clock)
        finder = PersonFinder(detect, crop_size_px=poses.crop_size_px, config=config.tracking)
        line = Line(
            finder=finder, estimator=poses, smoother=Smoother(config.smoothing), camera_of=camera_of, clock=clock
        )
        _warm_up(line, detect)
        clock.take()
        yield LiveParts(line, clock, poses, camera_of)


def camera_choice(file: Path | None = None, fov_deg: float | None = None) -> CameraOf:
    """Intrinsics for any picture size: from a file (scaled to the size), else by field of view.

    CameraError when the file or the angle cannot be used, or both are given.
    """
    if file is not None and fov_deg is not None:
        raise CameraError(f"give the camera file {file} or a field of view of {fov_deg:g} degrees, not both")
    if file is not None:
        return lru_cache(maxsize=8)(Camera.from_toml(file).resized)
    angle_deg = DEFAULT_FOV_DEG if fov_deg is None else fov_deg
    Camera.from_fov((640, 480), angle_deg)
    return lru_cache(maxsize=8)(lambda size_wh: Camera.from_fov(size_wh, angle_deg))


def _warm_up(line: Line, detect: PersonDetector) -> None:
    """The first run of a network allocates its memory; better before the first frame than in it."""
    blank = Frame(0, 0, np.zeros((64, 64, 3), np.uint8), 0.0)
    detect(blank, [whole(blank.size_wh)])
    line.warm_up(blank)
