"""Crops cut by ONNX operations are those that `warp.cut` cuts, to the byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_pieces import ran

from engine.blazepose.networks import detector_onnx
from engine.blazepose.warp import cut, place_parts
from engine.body.crop import Region
from engine.build.build_error import BuildError
from engine.build.evidence import people_in
from engine.build.fused_warp import cut_out
from engine.build.graph_writer import GraphWriter
from realtime.spread_pictures import spread_pictures

NOISE = np.random.default_rng(0).integers(0, 256, (120, 97, 3)).astype(np.uint8)


def cut_by_graph(picture: np.ndarray, regions: list[Region]) -> np.ndarray:
    return cut_at(picture, [region.frame_from_crop(256) for region in regions])


def cut_at(picture: np.ndarray, maps: list[np.ndarray]) -> np.ndarray:
    height, width = picture.shape[:2]
    piece = GraphWriter("exact/")
    crops = cut_out(piece, "frame", "parts", frame_wh=(width, height))
    parts = np.stack([place_parts(frame_from_crop, 256) for frame_from_crop in maps])
    (found,) = ran(piece, [crops], frame=picture[None], parts=parts)
    return found


def cut_by_cv(picture: np.ndarray, regions: list[Region]) -> np.ndarray:
    return np.stack([cut(picture, region, 256)[0] for region in regions])


@pytest.mark.parametrize("name", ["astronaut", "coffee", "demo"])
def test_photographs_and_the_bundled_clip(name: str) -> None:
    picture = spread_pictures("demo", 1)[0] if name == "demo" else np.ascontiguousarray(getattr(skimage.data, name)())
    height, width = picture.shape[:2]
    regions = [
        Region((width / 2, height / 2), 0.9 * height),
        Region((width / 2 + 0.3, height / 2 - 0.7), 0.7 * height, 0.4),
        Region((10.0, 20.0), 300.0, -2.0),  # much of it outside
        Region((width - 1.0, height + 300.0), 400.0),  # all of it
        Region((width / 3, height / 3), 40.0, 1.0),
        Region((width / 2, height / 2), 6.0 * width, 0.1),
        Region((width / 2 - 0.5, height / 2 - 0.5), 256.0),
    ]
    np.testing.assert_array_equal(cut_by_graph(picture, regions), cut_by_cv(picture, regions))


@pytest.mark.parametrize("clip", ["office_people_768x432.mp4", "outdoor_walk_1768x994.mp4", "squats_720x1280.mp4"])
def test_people_of_real_recordings(clip: str, shared_dir: Path) -> None:
    """Where the line cuts them. No level may differ: where some did, far people moved by millimetres."""
    people = 0
    for picture in spread_pictures(str(shared_dir / "data" / "clips" / clip), 8):
        try:
            [crop] = people_in([picture], detector_onnx()).crops
        except BuildError:  # nobody is seen in this one
            continue
        np.testing.assert_array_equal(cut_at(picture, [crop.frame_from_crop]), crop.image_rgb[None])
        people += 1
    assert people >= 4


@settings(max_examples=40, deadline=None)
@given(
    middle=st.tuples(st.floats(-300, 400), st.floats(-300, 400)),
    size_px=st.floats(0.5, 5000),
    angle_rad=st.floats(-4, 4),
)
def test_any_region_of_noise(middle: tuple[float, float], size_px: float, angle_rad: float) -> None:
    """Where neighbours have nothing to do with each other a 32nd of a pixel shows."""
    regions = [Region(middle, size_px, angle_rad)]
    np.testing.assert_array_equal(cut_by_graph(NOISE, regions), cut_by_cv(NOISE, regions))


def test_far_outside_there_is_the_edge_and_no_overflow() -> None:
    regions = [Region((1e7, 1e7), 500.0), Region((-1e7, 50.0), 500.0)]
    found = cut_by_graph(NOISE, regions)
    assert (found[0] == NOISE[-1, -1]).all()
    assert set(map(tuple, found[1].reshape(-1, 3))) <= {tuple(level) for level in _between(NOISE[:, 0])}


def _between(edge: np.ndarray) -> np.ndarray:
    """Everything that bilinear sampling can make of one column."""
    steps = np.arange(32)[:, None, None]
    total = (32 - steps) * edge[:-1].astype(int) + steps * edge[1:]
    return np.concatenate([np.floor(total * 32 / 1024 + 0.5).reshape(-1, 3), edge])


@pytest.mark.parametrize("frame_wh", [(63, 480), (640, 8193), (0, 0)])
def test_frames_of_no_camera_are_refused(frame_wh: tuple[int, int]) -> None:
    with pytest.raises(BuildError, match=f"64 to 8192 pixels .* not of {frame_wh[0]}x{frame_wh[1]}.*--frame 1280x720"):
        cut_out(GraphWriter("exact/"), "frame", "parts", frame_wh=frame_wh)


def test_places_are_rounded_once_so_that_every_device_finds_the_same() -> None:
    """No product stands before the sum: some devices round the two at once (tests/benchmarks/frame_cut.py)."""
    piece = GraphWriter("exact/")
    cut_out(piece, "frame", "parts", frame_wh=(640, 480))
    made_by = {name: node for node in piece.nodes for name in node.output}
    rounds = [node for node in piece.nodes if node.op_type == "Round"]
    assert len(rounds) == 2
    for node in rounds:
        chain = []
        while node.input[0] in made_by:
            node = made_by[node.input[0]]
            chain.append(node.op_type)
        assert chain == ["Mul", "Clip", "Add", "Reshape", "Slice", "Slice"]
