"""One graph from crop to pose against two networks with NumPy between them, in onnxruntime on the CPU.

    python tests/benchmarks/fused_speed.py [--live-graph FILE.onnx] [--runs 40]

Milliseconds from crops to poses, best of many, in turn; people of the bundled clip. Also how far the joints differ.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.blazepose.networks import detector_onnx
from engine.build.evidence import people_in
from engine.build.fused import fused_onnx
from engine.build.graphs import encoder_path
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.di2pose_estimator import Di2PoseEstimator, shipped_graph
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.spread_pictures import spread_pictures

PERSONS = (1, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fused against separate networks.")
    parser.add_argument("--live-graph", type=Path, default=shipped_graph())
    parser.add_argument("--runs", type=int, default=40)
    asked = parser.parse_args()
    people = people_in(spread_pictures("demo", max(PERSONS)), detector_onnx())
    landmark, live = encoder_path(), asked.live_graph
    with (
        OnnxRuntimeBackend(landmark) as encoder,
        OnnxRuntimeBackend(live) as denoiser,
        OnnxRuntimeBackend(fused_onnx(landmark, live)) as whole,
    ):
        separate = Di2PoseEstimator(BlazePoseEncoder(encoder), denoiser, "test")
        fused = FusedEstimator(whole, "test")
        for persons in PERSONS:
            crops, camera = people.crops[:persons], people.cameras[0]
            ways = [lambda: separate.poses(crops, camera), lambda: fused.poses(crops, camera)]  # noqa: B023 - run at once
            off_mm = [
                np.linalg.norm(one.joints_mm - other.joints_mm, axis=-1).max()
                for one, other in zip(*(way() for way in ways), strict=True)
            ]
            two_ms, one_ms = best_ms(ways, asked.runs)
            print(
                f"{persons} persons: separate {two_ms:.2f} ms, fused {one_ms:.2f} ms, joints {max(off_mm):.5f} mm apart"
            )


def best_ms(ways: list[Callable[[], object]], runs: int) -> list[float]:
    spent = [[_ms(way) for way in ways] for _ in range(runs)]
    return np.min(spent, axis=0).tolist()


def _ms(way: Callable[[], object]) -> float:
    begun_ns = time.perf_counter_ns()
    way()
    return (time.perf_counter_ns() - begun_ns) * 1e-6


if __name__ == "__main__":
    main()
