"""Laws of the 8-bit form: rewriting changes nothing, rounding little, and little because the shift is taken off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from engine.blazepose import networks
from engine.blazepose.decode import BODY_SCALE, HIP_CENTRE, decoded, merged
from engine.blazepose.eight_bits import eight_bit_onnx, needed_of, rounded_operations
from engine.blazepose.evened import evened
from engine.blazepose.graph import Add, Conv, NetworkGraph, Reshape
from engine.blazepose.landmarks import BODY_POINTS, CropLandmarks, crop_landmarks
from engine.blazepose.seen_tensors import DETECTOR_SEEN, HEAVY_SEEN, SeenTensor, read_seen, write_seen
from engine.blazepose.simplify import simplified
from engine.blazepose.to_onnx import to_onnx
from engine.blazepose.warp import detector_input, landmark_input
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

data = pytest.importorskip("skimage.data", reason="needs scikit-image, the photograph")


@pytest.fixture(scope="module")
def graph(networks_dir: Path) -> NetworkGraph:
    return simplified(networks.landmark_graph(networks.HEAVY, networks_dir))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A woman, head to waist."""
    return landmark_input(data.astronaut()[None, ::2, ::2])


def landmarks_of(model: onnx.ModelProto, directory: Path, image: np.ndarray) -> CropLandmarks:
    path = directory / "network.onnx"
    path.write_bytes(model.SerializeToString())
    with OnnxRuntimeBackend(path) as backend:
        return crop_landmarks(backend.run({networks.INPUT_NAME: image}))


def seen_points(found: CropLandmarks) -> np.ndarray:
    return found.visibility[:BODY_POINTS] > 0.5


def test_evening_streams_leaves_the_answer(graph: NetworkGraph, image: np.ndarray, tmp_path: Path) -> None:
    even, held = evened(graph, read_seen(HEAVY_SEEN))
    changed = [op for op, before in zip(even.ops, graph.ops, strict=True) if op is not before]
    scaled = [
        tensor for tensor, each in read_seen(HEAVY_SEEN).items() if not np.array_equal(each.high, held[tensor].high)
    ]
    assert len(changed) > 40 and len(scaled) > 40
    before, after = (landmarks_of(to_onnx(each), tmp_path, image) for each in (graph, even))
    np.testing.assert_allclose(after.points_px, before.points_px, atol=0.1)
    np.testing.assert_allclose(after.world_m, before.world_m, atol=1e-3)


def test_channels_of_a_stream_reach_equally_far(graph: NetworkGraph) -> None:
    """Far fewer steps of a range were of use to the median channel before."""
    _, held = evened(graph, read_seen(HEAVY_SEEN))
    uses = {
        tensor: [float(np.median(np.maximum(-each.low, each.high)) / max(-each.low.min(), each.high.max()))
                 for each in (before, held[tensor])]
        for tensor, before in read_seen(HEAVY_SEEN).items()
        if not np.array_equal(before.high, held[tensor].high)
    }  # fmt: skip
    before, after = np.median(list(uses.values()), axis=0)
    assert before < 0.5 < after


def test_landmarks_in_eight_bits_are_those_of_single_precision(
    graph: NetworkGraph, image: np.ndarray, tmp_path: Path
) -> None:
    exact = landmarks_of(to_onnx(graph), tmp_path, image)
    found = landmarks_of(eight_bit_onnx(graph, read_seen(HEAVY_SEEN)), tmp_path, image)
    seen = seen_points(exact)
    off_px = np.linalg.norm(found.points_px - exact.points_px, axis=1)[:BODY_POINTS]
    assert seen.sum() > 10 and np.median(off_px[seen]) < 2.0
    assert found.presence == pytest.approx(exact.presence, abs=0.05)


def test_without_taking_off_the_shift_landmarks_move_further(
    graph: NetworkGraph, image: np.ndarray, tmp_path: Path
) -> None:
    """A mean of zero is what says that there is no shift."""
    seen = read_seen(HEAVY_SEEN)
    unknown = {tensor: replace(each, mean=np.zeros_like(each.mean)) for tensor, each in seen.items()}
    exact = landmarks_of(to_onnx(graph), tmp_path, image)
    with_it, without = (landmarks_of(eight_bit_onnx(graph, each), tmp_path, image) for each in (seen, unknown))
    rows = np.flatnonzero(seen_points(exact))
    off_px = [np.linalg.norm((each.points_px - exact.points_px)[rows], axis=1).mean() for each in (with_it, without)]
    assert off_px[0] < 0.7 * off_px[1]


def test_all_but_first_layer_heads_and_tiny_maps_take_eight_bits(graph: NetworkGraph) -> None:
    rounded = {op.output for op in rounded_operations(graph)}
    work = {
        op.output: op.weight.size * np.prod(graph.shapes[op.output][1:3]) for op in graph.ops if isinstance(op, Conv)
    }
    assert sum(work[each] for each in rounded & work.keys()) > 0.97 * sum(work.values())
    assert not rounded & {output.tensor for output in graph.outputs}
    model = eight_bit_onnx(graph, read_seen(HEAVY_SEEN))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Pad") == 0  # a Pad would cost two transpositions of every sum behind it
    assert kinds.count("QuantizeLinear") >= sum(isinstance(op, Conv | Add) for op in graph.ops if op.output in rounded)


def test_both_ends_of_the_detector_stay_in_single_precision(networks_dir: Path) -> None:
    """Its heads are small convolutions behind depthwise ones; in 8 bits these spoil the key points."""
    graph = simplified(networks.detector_graph(networks_dir))
    rounded = {op.output for op in rounded_operations(graph)}
    made_by = {op.output: op for op in graph.ops}
    heads = [made_by[op.sources[0]] for op in graph.ops if isinstance(op, Reshape)]
    assert len(heads) == 6 and not rounded & {head.output for head in heads}
    assert not rounded & {head.sources[0] for head in heads}
    assert not rounded & {op.output for op in graph.ops[:2]} and len(rounded) > 70
    assert sorted(read_seen(DETECTOR_SEEN)) == needed_of(graph)


def test_the_detector_in_eight_bits_finds_who_is_there(networks_dir: Path) -> None:
    """The photograph, and four of it side by side."""
    photograph = cv2.resize(data.astronaut(), (112, 112), interpolation=cv2.INTER_AREA)
    pictures = [cv2.resize(photograph, (224, 224)), np.tile(photograph, (2, 2, 1))]
    found = {}
    for kind, path in (("exact", networks.detector_onnx()), ("quick", networks.eight_bit_detector_onnx())):
        with OnnxRuntimeBackend(path) as backend:
            outputs = [backend.run({networks.INPUT_NAME: detector_input(picture[None])}) for picture in pictures]
        found[kind] = [merged(decoded(each["boxes"][0], each["scores"][0], min_score=0.5)) for each in outputs]
    for exact, quick in zip(found["exact"], found["quick"], strict=True):
        assert len(exact.scores) == len(quick.scores) > 0
        order = [np.argsort(each.points[:, 0, 0] + 3 * each.points[:, 0, 1]) for each in (exact, quick)]
        points, others = exact.points[order[0]], quick.points[order[1]]
        sizes = np.linalg.norm(points[:, HIP_CENTRE] - points[:, BODY_SCALE], axis=-1)
        assert (np.linalg.norm(points - others, axis=-1).mean(axis=1) < 0.1 * sizes).all()


def test_the_shipped_numbers_are_those_that_are_needed_with_and_without_feature_maps(graph: NetworkGraph) -> None:
    outputs = (*networks.LANDMARK_OUTPUTS, *networks.HEAVY.features)
    of_line = simplified(networks.landmark_graph(networks.HEAVY, outputs=outputs))
    assert sorted(read_seen(HEAVY_SEEN)) == needed_of(graph) and set(needed_of(of_line)) <= set(needed_of(graph))
    for tensor, each in read_seen(HEAVY_SEEN).items():
        assert len(each.low) == len(each.high) == len(each.mean) == graph.shapes[tensor][-1]
        assert (each.low <= 0).all() and (each.high >= 0).all() and np.isfinite(each.mean).all()


def test_no_two_products_leave_sixteen_bits(graph: NetworkGraph) -> None:
    """Processors without VNNI add them up in such, and cut off what does not fit."""
    model = eight_bit_onnx(graph, read_seen(HEAVY_SEEN))
    weights = [
        onnx.numpy_helper.to_array(each) for each in model.graph.initializer if each.name.endswith("weight_bits")
    ]
    assert len(weights) > 150 and all(each.dtype == np.int8 for each in weights)
    assert max(2 * 255 * int(np.abs(each.astype(int)).max()) for each in weights) <= 2**15 - 1


def test_seen_numbers_survive_their_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seen = {
        tensor: SeenTensor(*(rng.normal(size=(3, channels)).astype(np.float16).astype(np.float32)))
        for tensor, channels in ((7, 3), (2, 5))
    }
    write_seen(tmp_path / "seen.npz", seen)
    for tensor, each in read_seen(tmp_path / "seen.npz").items():
        for name in ("low", "high", "mean"):
            np.testing.assert_array_equal(getattr(each, name), getattr(seen[tensor], name))
    assert HEAVY_SEEN.stat().st_size + DETECTOR_SEEN.stat().st_size < 400_000
