"""Builds the line from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from engine.blazepose.cache import sha256_of
from engine.blazepose.networks import (
    FULL,
    HEAVY,
    detector_onnx,
    eight_bit_detector_onnx,
    eight_bit_landmark_onnx,
    landmark_onnx,
)
from engine.blazepose.pip_download import Progress, silent
from engine.blazepose.uncut import UncutPerson, cut_person
from engine.body.camera import DEFAULT_FOV_DEG, Camera, CameraError
from engine.runtime.backend import Backend
from engine.runtime.blazepose_encoder import BlazePoseEncoder, needed_outputs
from engine.runtime.blazepose_estimator import BlazePoseEstimator
from engine.runtime.di2pose_estimator import Di2PoseEstimator, shipped_graph
from engine.runtime.estimator import Estimator
from engine.runtime.framed_estimator import FramedEstimator
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.graph_name import FUSED, LANDMARK_FULL, SizeWh, frame_of, framed
from engine.runtime.live_eight_bits import eight_bit_live_onnx
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
        running.opened(
            "detector", detector_graph(estimator, running, progress=progress), threads=config.threads
        ) as detector,
    ):
        detect = PersonDetector(detector, min_score=config.tracking.min_detection_score, clock=clock)
        takes_frames = isinstance(poses, FramedEstimator)
        finder = PersonFinder(
            detect,
            crop_size_px=poses.crop_size_px,
            config=config.tracking,
            crop_of=UncutPerson if takes_frames else cut_person,
        )
        line = Line(
            finder=finder, estimator=poses, smoother=Smoother(config.smoothing), camera_of=camera_of, clock=clock
        )
        for _ in range(running.warm_up_runs):
            _warm_up(line, detect, poses)
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
    sizes = [size for size in map(frame_of, graphs) if size is not None]
    with ExitStack() as stack:

        def opened(graph: str) -> Backend:
            return stack.enter_context(running.opened(graph, graphs[graph], threads=config.threads))

        framed_by_size = {size: opened(framed(size)) for size in sizes}
        by_crops = _of_crops(name, graphs, config, opened=opened)
        if not framed_by_size:
            assert by_crops is not None, "without a graph that takes frames there is one that takes crops"
            yield by_crops
            return
        weights = _weights(_live_graph(name))
        yield FramedEstimator(framed_by_size, weights, otherwise=by_crops, hypotheses=config.hypotheses)


def _of_crops(
    name: str, graphs: Mapping[str, Path], config: LineConfig, *, opened: Callable[[str], Backend]
) -> Estimator | None:
    """The estimator of people who are cut out already; None where no graph is for that."""
    if FUSED in graphs:
        return FusedEstimator(opened(FUSED), weights=_weights(_live_graph(name)), hypotheses=config.hypotheses)
    if LANDMARK_FULL in graphs:
        return BlazePoseEstimator(opened(LANDMARK_FULL), weights=graphs[LANDMARK_FULL].stem)
    if "landmark" not in graphs:
        return None
    encoder, denoiser = BlazePoseEncoder(opened("landmark")), opened("live")
    return Di2PoseEstimator(encoder, denoiser, weights=_weights(_live_graph(name)), hypotheses=config.hypotheses)


def detector_graph(estimator: str, networks: Networks, *, progress: Progress = silent) -> Path:
    """The detector's ONNX file; errors as `estimator_named`.

    Never in 8 bits for blazepose, whose points are those of MediaPipe from the first frame on.
    """
    exact = partial(detector_onnx, progress=progress)
    if estimator != "blazepose" and _on_cpu("detector", exact, networks):
        return eight_bit_detector_onnx(progress=progress)
    return exact()


def estimator_graphs(name: str, networks: Networks, *, progress: Progress = silent) -> dict[str, Path]:
    """The ONNX files of an estimator by graph, fetched and converted where missing; errors as `estimator_named`.

    First those that take frames, of which plans fit. Then, for frames of other sizes, `fused` where a plan of it fits,
    else `landmark` and `live`; none of them where every graph needs a plan and these have none, but frames can be
    taken. blazepose is `landmark_full` alone.
    """
    if name not in ESTIMATORS and not name.endswith(".onnx"):
        known = ", ".join(ESTIMATORS)
        raise ConfigError(f"unknown estimator {name!r}; known are {known}, or give the .onnx file of a live model")
    if name == "blazepose":
        return {LANDMARK_FULL: landmark_onnx(FULL, progress=progress)}
    landmark = partial(landmark_onnx, HEAVY, features=needed_outputs(), progress=progress)
    live = _live_graph(name)
    taking_frames = _planned(
        {framed(size): partial(_fused_graph, landmark, live, size) for size in networks.frames_planned()}, networks
    )
    taking_crops = _planned({FUSED: partial(_fused_graph, landmark, live)}, networks)
    if not taking_crops:
        quick = partial(eight_bit_landmark_onnx, features=needed_outputs(), progress=progress)
        taking_crops = {
            "landmark": quick() if _on_cpu("landmark", landmark, networks) else landmark(),
            "live": eight_bit_live_onnx(live) if _on_cpu("live", partial(Path, live), networks) else live,
        }
        if (
            taking_frames
            and networks.needs_plans
            and not all(networks.has_plan(graph, partial(Path, path)) for graph, path in taking_crops.items())
        ):
            taking_crops = {}
    return {**taking_frames, **taking_crops}


def _on_cpu(graph: str, path_of: Callable[[], Path], networks: Networks) -> bool:
    """Whether this CPU runs the graph, to which 8 bits are the quickest."""
    return networks.runs_on_cpu and not networks.has_plan(graph, path_of)


def _planned(path_of: Mapping[str, Callable[[], Path]], networks: Networks) -> dict[str, Path]:
    """Files of the graphs of which plans fit."""
    return {graph: path() for graph, path in path_of.items() if networks.has_plan(graph, path)}


def _live_graph(name: str) -> Path:
    return shipped_graph() if name in ESTIMATORS else Path(name)


def _fused_graph(landmark: Callable[[], Path], live: Path, frame_wh: SizeWh | None = None) -> Path:
    # Wanted only where a plan of it lies ready, and it reads ONNX files: the line starts without.
    from engine.build.fused import fused_onnx

    return fused_onnx(landmark(), live, frame_wh)


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


def _warm_up(line: Line, detect: PersonDetector, poses: Estimator) -> None:
    """The first run of a network allocates its memory; better before the first frame than in it."""
    blank = Frame(0, 0, np.zeros((64, 64, 3), np.uint8), 0.0)
    detect(blank, [whole(blank.size_wh)])
    if isinstance(poses, FramedEstimator):
        poses.warm_up()
    else:
        line.warm_up(blank)
