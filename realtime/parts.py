"""Builds the line from its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.blazepose.cache import sha256_of
from engine.blazepose.networks import detector_onnx, landmark_onnx
from engine.blazepose.pip_download import Progress, silent
from engine.body.camera import DEFAULT_FOV_DEG, Camera, CameraError
from engine.runtime.blazepose_encoder import BlazePoseEncoder, needed_outputs
from engine.runtime.blazepose_estimator import BlazePoseEstimator
from engine.runtime.di2pose_estimator import Di2PoseEstimator, shipped_graph
from engine.runtime.estimator import Estimator
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.graph_name import FUSED
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from realtime.config import ConfigError, LineConfig
from realtime.detector import PersonDetector
from realtime.finder import PersonFinder
from realtime.frame import Frame
from realtime.line import CameraOf, Line
from realtime.smoother import Smoother
from realtime.stages import StageClock
from realtime.windows import whole

ESTIMATORS = ("di2pose", "blazepose")
"""The first is the default."""


@dataclass(frozen=True, slots=True)
class LiveParts:
    """A warm line and what must be said about it."""

    line: Line
    clock: StageClock
    estimator: Estimator
    camera_of: CameraOf


@contextmanager
def live_parts(
    estimator: str,
    config: LineConfig,
    *,
    camera_of: CameraOf,
    networks: Networks | None = None,
    progress: Progress = silent,
) -> Iterator[LiveParts]:
    """Load the networks (fetched and converted where missing), warm them up, free them at the end.

    networks: what runs them; onnxruntime on the CPU where none is given. Raises NetworkFilesError, BackendError,
    PlanError or ConfigError with cause and cure.
    """
    clock = StageClock()
    running = networks or OnnxRuntimeNetworks()
    with (
        estimator_named(estimator, config, networks=running, progress=progress) as poses,
        running.opened("detector", detector_onnx(progress=progress), threads=config.threads) as detector,
    ):
        detect = PersonDetector(detector, min_score=config.tracking.min_detection_score, clock=clock)
        finder = PersonFinder(detect, crop_size_px=poses.crop_size_px, config=config.tracking)
        line = Line(
            finder=finder, estimator=poses, smoother=Smoother(config.smoothing), camera_of=camera_of, clock=clock
        )
        for _ in range(running.warm_up_runs):
            _warm_up(line, detect)
        clock.take()
        yield LiveParts(line, clock, poses, camera_of)


@contextmanager
def estimator_named(
    name: str, config: LineConfig, *, networks: Networks | None = None, progress: Progress = silent
) -> Iterator[Estimator]:
    """One of `ESTIMATORS`, or Di2Pose with the graph of a live model of one's own, a path that ends in .onnx.

    networks: as for `live_parts`. ConfigError for another name; NetworkFilesError, BackendError or PlanError where
    networks cannot be had or run.
    """
    running = networks or OnnxRuntimeNetworks()
    graphs = estimator_graphs(name, running, progress=progress)
    if FUSED in graphs:
        with running.opened(FUSED, graphs[FUSED], threads=config.threads) as whole:
            yield FusedEstimator(whole, weights=_weights(_live_graph(name)), hypotheses=config.hypotheses)
        return
    path = graphs["landmark"]
    with running.opened("landmark", path, threads=config.threads) as landmark:
        if "live" not in graphs:
            yield BlazePoseEstimator(landmark, weights=path.stem)
            return
        graph = graphs["live"]
        with running.opened("live", graph, threads=config.threads) as denoiser:
            encoder = BlazePoseEncoder(landmark)
            yield Di2PoseEstimator(encoder, denoiser, weights=_weights(graph), hypotheses=config.hypotheses)


def estimator_graphs(name: str, networks: Networks, *, progress: Progress = silent) -> dict[str, Path]:
    """The ONNX files of an estimator by graph, fetched and converted where missing; errors as `estimator_named`.

    `fused` alone where a plan of it fits, else `landmark` and, but for blazepose, `live`.
    """
    if name not in ESTIMATORS and not name.endswith(".onnx"):
        known = ", ".join(ESTIMATORS)
        raise ConfigError(f"unknown estimator {name!r}; known are {known}, or give the .onnx file of a live model")
    if name == "blazepose":
        features = needed_outputs() if networks.wants_features else ()
        return {"landmark": landmark_onnx(features=features, progress=progress)}
    landmark = landmark_onnx(features=needed_outputs(), progress=progress)
    live = _live_graph(name)
    if networks.has_plan(FUSED, lambda: _fused_graph(landmark, live)):
        return {FUSED: _fused_graph(landmark, live)}
    return {"landmark": landmark, "live": live}


def _live_graph(name: str) -> Path:
    return shipped_graph() if name in ESTIMATORS else Path(name)


def _fused_graph(landmark: Path, live: Path) -> Path:
    # Wanted only where a plan of it lies ready, and it reads ONNX files: the line starts without.
    from engine.build.fused import fused_onnx

    return fused_onnx(landmark, live)


def _weights(live: Path) -> str:
    return f"{live.stem}-{sha256_of(live)[:16]}"


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
