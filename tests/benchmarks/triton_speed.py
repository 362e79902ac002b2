"""The same networks in this process and on a Triton server: how far apart, how long, and how many lines share them.

    python tests/benchmarks/triton_speed.py HOST:PORT

The server serves a repository of `di2pose export triton` of this version.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from engine.build.graphs import GRAPHS, graph_named
from engine.runtime.backend import Backend
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.di2pose_estimator import Di2PoseEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from engine.runtime.triton_backend import TritonServer
from realtime.config import LineConfig
from realtime.detector import PersonDetector
from realtime.finder import PersonFinder
from realtime.frame import Frame
from realtime.line import Line
from realtime.parts import camera_choice
from realtime.person import TrackedPerson
from realtime.smoother import Smoother
from realtime.sources import SourceOptions, open_source
from realtime.stages import StageClock

RUNS = 20
BackendOf = Callable[[str], Backend]


def here(name: str) -> Backend:
    return OnnxRuntimeBackend(graph_named(name).path, LineConfig().threads)


def frames_of_the_clip() -> list[Frame]:
    frames = []
    with open_source("demo", SourceOptions(pace="max")) as source:
        while isinstance(frame := source.read(5.0), Frame):
            frames.append(frame)
    return frames


def play(backend_of: BackendOf, frames: list[Frame]) -> tuple[float, list[list[TrackedPerson]]]:
    """Milliseconds a frame, and the people of each frame."""
    config, clock = LineConfig(), StageClock()
    with ExitStack() as stack:
        detector, landmark, live = (stack.enter_context(backend_of(name)) for name in GRAPHS)
        estimator = Di2PoseEstimator(BlazePoseEncoder(landmark), live, "benchmark")
        detect = PersonDetector(detector, min_score=config.tracking.min_detection_score, clock=clock)
        finder = PersonFinder(detect, crop_size_px=estimator.crop_size_px, config=config.tracking)
        smoother = Smoother(config.smoothing)
        line = Line(finder=finder, estimator=estimator, smoother=smoother, camera_of=camera_choice(), clock=clock)
        line.people(frames[0])
        begun_s = time.perf_counter()
        people = [line.people(frame) for frame in frames]
        return (time.perf_counter() - begun_s) / len(frames) * 1000, people


def best_ms(backend: Backend, inputs: dict[str, np.ndarray]) -> float:
    spent = []
    for _ in range(RUNS):
        begun_s = time.perf_counter()
        backend.run(inputs)
        spent.append(time.perf_counter() - begun_s)
    return min(spent) * 1000


def compare_networks(server: TritonServer) -> None:
    rng = np.random.default_rng(0)
    for name in GRAPHS:
        with here(name) as near, server.backend(name) as far:
            for rows in (1, 4, 8):
                sizes = {i.name: [rows if isinstance(size, str) else size for size in i.shape] for i in near.inputs}
                inputs = {key: rng.random(size, np.float32) for key, size in sizes.items()}
                expected, found = near.run(inputs), far.run(inputs)
                apart = max(float(np.abs(expected[key] - found[key]).max()) for key in expected)
                sent = sum(array.nbytes for array in (*inputs.values(), *found.values())) / 1e6
                print(
                    f"{name} x{rows}: apart {apart:g}, here {best_ms(near, inputs):.1f} ms, "
                    f"served {best_ms(far, inputs):.1f} ms, {sent:.2f} MB there and back"
                )


def compare_lines(server: TritonServer) -> None:
    frames = frames_of_the_clip()
    for _ in range(2):
        (near_ms, near), (far_ms, far) = play(here, frames), play(server.backend, frames)
        pairs = [pair for left, right in zip(near, far, strict=True) for pair in zip(left, right, strict=True)]
        apart_mm = max(float(np.abs(a.pose.joints_mm - b.pose.joints_mm).max()) for a, b in pairs)
        print(f"line: {near_ms:.1f} ms a frame here, {far_ms:.1f} served, {len(pairs)} poses, apart {apart_mm:g} mm")
    for lines in (1, 2, 4):
        threads = [threading.Thread(target=play, args=(server.backend, frames)) for _ in range(lines)]
        begun_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{lines} lines at once: {lines * len(frames) / (time.perf_counter() - begun_s):.1f} frames/s together")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("address", metavar="HOST:PORT", help="of the server's gRPC port")
    chosen = TritonServer(options.parse_args().address)
    compare_networks(chosen)
    compare_lines(chosen)
