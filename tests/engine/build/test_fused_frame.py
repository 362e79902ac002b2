"""The fused graph that cuts its crops out of the frame says what it says of crops that were cut before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from small_graphs import live_of_everything, stored

from engine.blazepose.warp import cut, place_parts
from engine.body.camera import Camera
from engine.body.crop import Region
from engine.body.virtual_camera import VirtualView
from engine.build.build_error import BuildError
from engine.build.fused import fused, fused_onnx
from engine.build.graphs import encoder_path
from engine.build.onnx_file import read_onnx
from engine.build.precision import Precision, converted
from engine.runtime.fused_inputs import CROPS, FRAME, PLACE_PARTS, ViewNumbers
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.spread_pictures import spread_pictures

FRAME_WH = (640, 480)
NOISE = np.array([[0.5], [1.0], [2.0]], np.float32)
PERSONS = 16


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("engine.build.fused.cache_dir", lambda: tmp_path)
    return stored(live_of_everything(), tmp_path / "live.onnx")


def inputs_of_both(persons: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """For the graph of frames, and for the graph of crops: people of one picture, inside of it and beyond."""
    (picture,) = spread_pictures("demo", 1)
    rng = np.random.default_rng(5)
    regions = [
        Region((rng.uniform(0, 640), rng.uniform(0, 480)), rng.uniform(100, 700), rng.uniform(-0.6, 0.6))
        for _ in range(persons)
    ]
    maps = [region.frame_from_crop(256) for region in regions]
    camera = Camera.from_fov(FRAME_WH)
    views = ViewNumbers.stacked([VirtualView.of(camera, affine, 256) for affine in maps]) | {"noise": NOISE}
    frame = {FRAME: picture[None], PLACE_PARTS: np.stack([place_parts(affine, 256) for affine in maps])}
    return views | frame, views | {CROPS: np.stack([cut(picture, region, 256)[0] for region in regions])}


def test_the_same_answers_to_the_last_bit_for_any_number_of_people(live: Path) -> None:
    """In onnxruntime on a CPU: the bytes are the same, and so is all that follows."""
    with (
        OnnxRuntimeBackend(fused_onnx(encoder_path(), live, FRAME_WH)) as framed,
        OnnxRuntimeBackend(fused_onnx(encoder_path(), live)) as crops,
    ):
        assert framed.outputs == crops.outputs
        for persons in (1, 3, PERSONS):
            of_frame, of_crops = inputs_of_both(persons)
            found, wanted = framed.run(of_frame), crops.run(of_crops)
            for name, values in wanted.items():
                assert len(values) == persons
                np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_another_place_gives_another_pose(live: Path) -> None:
    """That the frame and the places are looked at."""
    with OnnxRuntimeBackend(fused_onnx(encoder_path(), live, FRAME_WH)) as framed:
        inputs, _ = inputs_of_both(2)
        first = framed.run(inputs)["points_px"].copy()
        for name, other in (
            (FRAME, inputs[FRAME][:, :, ::-1].copy()),
            (PLACE_PARTS, inputs[PLACE_PARTS] + np.float32(20)),
        ):
            assert np.abs(framed.run(inputs | {name: other})["points_px"] - first).max() > 1, name


def test_every_size_is_a_graph_of_its_own_and_crops_stay_what_they_were(live: Path) -> None:
    paths = [fused_onnx(encoder_path(), live, frame_wh) for frame_wh in (None, FRAME_WH, (480, 640), None)]
    assert paths[0] == paths[-1] and len(set(paths)) == 3
    assert paths[1].name.startswith("live-640x480-") and paths[2].name.startswith("live-480x640-")
    graph = read_onnx(paths[1], "fused-640x480")
    assert [entry.name for entry in graph.inputs if not entry.is_open] == [FRAME, "noise"]
    assert graph.inputs[0].shape == (1, 480, 640, 3) and graph.inputs[1].shape == ("batch", 2, 2, 256)


def test_cutting_stays_in_single_precision(live: Path) -> None:
    """Columns of 1000 px are multiples of a half in half precision; levels would be exact."""
    model = converted(read_onnx(fused_onnx(encoder_path(), live, FRAME_WH), "fused").model, Precision.FP16)
    warp = [node for node in model.graph.node if any(name.startswith("exact/before/") for name in node.output)]
    assert {"Gather", "Round", "Floor", "Clip"} <= {node.op_type for node in warp}
    casts = [helper.get_node_attr_value(node, "to") for node in warp if node.op_type == "Cast"]
    assert 10 not in casts and not [name for node in warp for name in node.output if name.endswith(".narrow")]


def test_a_frame_that_no_camera_gives_is_refused(live: Path) -> None:
    with pytest.raises(BuildError, match="64 to 8192 pixels along each side, not of 20x20"):
        fused(read_onnx(encoder_path(), "landmark"), read_onnx(live, "live"), (20, 20))
