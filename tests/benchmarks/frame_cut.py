"""Crops cut out of the frame by ONNX operations against those that `warp.cut` cuts, on people of recordings.

    python tests/benchmarks/frame_cut.py [RECORDING ...] [--frames 24]

Levels by which they differ, and joints of the shipped live model after them; for the operations of the fused graph,
for the same with products and sums of places rounded at once, as processors do that are given the (2, 3) maps, and for
GridSample, which was tried. Then milliseconds on this CPU that a person's crop costs, and the copy of a frame.
Everything in onnxruntime on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from engine.blazepose.networks import detector_onnx
from engine.blazepose.warp import cut, place_parts
from engine.body.crop import Region
from engine.build.evidence import Evidence, people_in
from engine.build.fused import fused_onnx
from engine.build.fused_warp import _places, cut_out
from engine.build.graph_writer import GraphWriter
from engine.build.graphs import encoder_path
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.spread_pictures import spread_pictures

Cutting = Callable[..., str]
Cut = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(picture, frame_from_crop) -> crop"""


def sampled_on_a_grid(graph: GraphWriter, frame: str, place_parts: str, *, frame_wh: tuple[int, int]) -> str:
    """As `cut_out`, by GridSample, rounded to whole levels."""
    places = [
        graph.op("Sub", graph.op("Mul", graph.op("Unsqueeze", of_axis, np.array([3], np.int64)), 2 / (size - 1)), 1.0)
        for of_axis, size in zip((_places(graph, place_parts, axis) for axis in (0, 1)), frame_wh, strict=True)
    ]
    grid = graph.shaped(graph.joined(*places), 1, -1, 256, 2)
    picture = graph.op("Transpose", graph.cast(frame, TensorProto.FLOAT), perm=[0, 3, 1, 2])
    read = graph.op("GridSample", picture, grid, mode="linear", padding_mode="border", align_corners=1)
    crops = graph.op("Transpose", graph.shaped(read, 3, -1, 256, 256), perm=[1, 2, 3, 0])
    return graph.op("Floor", graph.op("Add", crops, 0.5))


def session_of(cutting: Cutting, frame_wh: tuple[int, int]) -> onnxruntime.InferenceSession:
    graph = GraphWriter("exact/")
    graph.op("Identity", cutting(graph, "frame", "parts", frame_wh=frame_wh), to="crops")
    inputs = [
        helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, frame_wh[1], frame_wh[0], 3]),
        helper.make_tensor_value_info("parts", TensorProto.FLOAT, ["batch", 2, 2, 256]),
    ]
    outputs = [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["batch", 256, 256, 3])]
    made = helper.make_graph(graph.nodes, "cut", inputs, outputs, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Crops cut by ONNX operations against OpenCV's.")
    parser.add_argument("recordings", nargs="*", default=["demo"])
    parser.add_argument("--frames", type=int, default=24)
    asked = parser.parse_args()
    with OnnxRuntimeBackend(fused_onnx(encoder_path(), shipped_graph())) as whole:
        for recording in asked.recordings:
            pictures = spread_pictures(recording, asked.frames)
            ways = {"gathered": cut_by(cut_out, size_wh(pictures[0])), "rounded at once": cut_rounding_at_once}
            ways["GridSample"] = cut_by(sampled_on_a_grid, size_wh(pictures[0]))
            for name, way in ways.items():
                print(f"{recording}, {name}: {compared(pictures, way, FusedEstimator(whole, 'shipped'))}")
            print(f"{recording}: {costs(pictures[0])}")


def size_wh(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def cut_by(cutting: Cutting, frame_wh: tuple[int, int]) -> Cut:
    session = session_of(cutting, frame_wh)

    def made(picture: np.ndarray, frame_from_crop: np.ndarray) -> np.ndarray:
        parts = place_parts(frame_from_crop, 256)[None]
        return session.run(None, {"frame": picture[None], "parts": parts})[0][0]

    return made


def cut_rounding_at_once(picture: np.ndarray, frame_from_crop: np.ndarray) -> np.ndarray:
    """fma(along, column, fma(across, row, begin)): products in double precision are exact."""
    steps = np.arange(256.0)
    places = []
    for along, across, begin in frame_from_crop.astype(np.float32).astype(np.float64):
        by_row = (across * steps + begin).astype(np.float32).astype(np.float64)
        places.append(np.add.outer(by_row, along * steps).astype(np.float32))
    whole, fraction = cv2.convertMaps(*places, cv2.CV_16SC2)
    return cv2.remap(picture, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def compared(pictures: list[np.ndarray], way: Cut, estimator: FusedEstimator) -> str:
    levels, joints_mm = [], []
    for picture in pictures:
        people = people_of(picture)
        if people is None:
            continue
        [crop], [camera] = people.crops, people.cameras
        found = way(picture, crop.frame_from_crop)
        levels.append(np.abs(found.astype(int) - crop.image_rgb))
        poses = [estimator.poses([each], camera)[0] for each in (crop, replace(crop, image_rgb=found.astype(np.uint8)))]
        joints_mm.append(np.linalg.norm(poses[1].joints_mm - poses[0].joints_mm, axis=-1))
    off, off_mm = np.stack(levels), np.stack(joints_mm)
    return (
        f"{len(off)} people, levels mean {off.mean():.4f}, worst {off.max():.0f}, {(off > 0).mean():.3%} differ; "
        f"joints mean {off_mm.mean():.4f} mm, worst {off_mm.max():.3f} mm"
    )


def people_of(picture: np.ndarray) -> Evidence | None:
    try:
        return people_in([picture], detector_onnx())
    except RuntimeError:
        return None


def costs(picture: np.ndarray) -> str:
    width, height = size_wh(picture)
    region, room = Region((width / 2, height / 2), 0.8 * height, 0.1), np.empty_like(picture)
    cut_ms, copy_ms = (best_ms(way) for way in (lambda: cut(picture, region, 256), lambda: np.copyto(room, picture)))
    return f"{width}x{height}, cutting a person {cut_ms:.3f} ms, copying the frame {copy_ms:.3f} ms"


def best_ms(way: Callable[[], object], runs: int = 200) -> float:
    spent_ns = []
    for _ in range(runs):
        begun_ns = time.perf_counter_ns()
        way()
        spent_ns.append(time.perf_counter_ns() - begun_ns)
    return min(spent_ns) * 1e-6


if __name__ == "__main__":
    main()
