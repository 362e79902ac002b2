"""How long each network alone takes: the first of the three levels that `di2pose bench` reports."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.blazepose.warp import place_parts
from engine.body.crop import Region
from engine.runtime.backend import Backend, TensorInfo
from engine.runtime.fused_inputs import FRAME, PLACE_PARTS
from engine.runtime.networks import Networks
from realtime.announcements import Percentiles
from realtime.config import LineConfig
from realtime.parts import detector_graph, estimator_graphs
from realtime.rolling import Rolling

BATCHES = (1, 4)
"""Persons in one run. The detector sees one picture at a time in the line, and here too."""
WARM_UP_RUNS = 10
_WINDOW_S = 3600.0


@dataclass(frozen=True, slots=True)
class EngineTimes:
    graph: str
    backend: str
    """What ran it and where, such as `onnxruntime on cpu`."""
    persons: int
    ms: Percentiles
    """Of one `run`, from arrays of this machine to arrays of this machine."""


def engine_times(estimator: str, config: LineConfig, networks: Networks, *, runs: int) -> list[EngineTimes]:
    """Every graph of the estimator's line, loaded alone, warmed up, run so often per batch. Errors as `live_parts`."""
    made = []
    for name, path in (
        {"detector": detector_graph(estimator, networks)} | estimator_graphs(estimator, networks)
    ).items():
        batches = BATCHES[:1] if name == "detector" else BATCHES
        with networks.opened(name, path, threads=config.threads) as backend:
            for persons, spent in timed(backend, batches, runs=runs):
                made.append(EngineTimes(name, networks.in_use[name], persons, spent))
    return made


def timed(backend: Backend, batches: Sequence[int], *, runs: int) -> Iterator[tuple[int, Percentiles]]:
    """Milliseconds of a run for each batch, after warming up with it."""
    rng = np.random.default_rng(0)
    for persons in batches:
        inputs = {info.name: _drawn(info, persons, rng) for info in backend.inputs}
        if PLACE_PARTS in inputs:
            inputs[PLACE_PARTS] = _places(inputs[FRAME].shape, persons, rng)
        for _ in range(WARM_UP_RUNS):
            backend.run(inputs)
        spent_ms = Rolling(_WINDOW_S, runs)
        for _ in range(runs):
            begun_ns = time.perf_counter_ns()
            backend.run(inputs)
            spent_ms.add(time.monotonic_ns(), (time.perf_counter_ns() - begun_ns) * 1e-6)
        yield persons, spent_ms.percentiles(time.monotonic_ns())


def _drawn(info: TensorInfo, persons: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Times of these networks do not depend on what they see, but for where in a frame they read it."""
    sizes = tuple(persons if isinstance(size, str) else size for size in info.shape)
    return rng.random(sizes, np.float32).astype(info.dtype)


def _places(frame_shape: tuple[int, ...], persons: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(persons, 2, 2, 256) as of people anywhere in a frame of (1, height, width, 3), turned a little, most of its
    height tall: pixels that lie side by side would come out of memory faster than in use."""
    _, height, width, _ = frame_shape
    regions = [
        Region((rng.uniform(0, width), rng.uniform(0, height)), 0.8 * height, rng.uniform(-0.3, 0.3))
        for _ in range(persons)
    ]
    return np.stack([place_parts(region.frame_from_crop(LANDMARK_SIZE_PX), LANDMARK_SIZE_PX) for region in regions])
