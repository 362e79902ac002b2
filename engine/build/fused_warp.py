"""`engine.blazepose.warp.cut` as ONNX operations: crops of everybody out of one frame, on the device that runs it.

Law: the very bytes that `cut` gives, edge drawn out, places rounded to 1/32 px (tests/engine/build/test_fused_warp.py),
on every device: a place is one sum of two numbers that come from outside (`warp.place_parts`), and weights are whole
32nds, so that their sums of levels are exact in single precision, in whatever order they are added up. It matters: one
byte in ten thousand that differs by a level moves joints of far people by millimetres (docs/experiments.md).

Pixels are gathered by their index. GridSample was tried: it counts places from -1 to 1, which costs the digits that the
rounding needs, and up to a fifteenth of all bytes comes out by a level otherwise.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.build.build_error import BuildError
from engine.build.graph_writer import GraphWriter

_STEPS = 32
"""Of a pixel, as OpenCV's INTER_TAB_SIZE."""
LEAST_PX, MOST_PX = 64, 8192
"""Of a frame's sides; indices of pixels stay whole numbers of 32 bits by far."""
_FARTHEST_PX = 30_000.0
"""Places farther outside are as far outside; OpenCV's end at 32768. The edge is what is seen there."""


def cut_out(graph: GraphWriter, frame: str, place_parts: str, *, frame_wh: tuple[int, int]) -> str:
    """Levels 0..255 of crops as float32 (batch, 256, 256, 3).

    frame: (1, height, width, 3) bytes. place_parts: (batch, 2, 2, 256) float32, as `warp.place_parts` gives them.
    BuildError for frames of less than 64 or more than 8192 pixels along a side.
    """
    width, height = frame_wh
    if not all(LEAST_PX <= size <= MOST_PX for size in frame_wh):
        raise BuildError(
            f"a fused graph cuts people out of frames of {LEAST_PX} to {MOST_PX} pixels along each side, not of "
            f"{width}x{height}; give the size of your camera's pictures, such as --frame 1280x720"
        )
    pixels = graph.op("Reshape", graph.cast(frame, TensorProto.FLOAT), np.array([width * height, 3], np.int64))
    columns, rows = (_places(graph, place_parts, axis) for axis in (0, 1))
    (column, right), (row, down) = (_parted(graph, places) for places in (columns, rows))
    above, below = (
        _mixed(graph, right, *(_levels(graph, pixels, _index(graph, (column, row), (x, y), frame_wh)) for x in (0, 1)))
        for y in (0, 1)
    )
    total = _mixed(graph, down, above, below)
    half_up = graph.op("Mul", graph.op("Add", total, _STEPS**2 / 2), 1 / _STEPS**2)
    return graph.op("Floor", half_up)


def _places(graph: GraphWriter, place_parts: str, axis: int) -> str:
    """(batch, 256, 256) columns or rows of the frame."""
    of_axis = graph.sliced(place_parts, axis, axis + 1, axis=1)
    by_row, by_column = (graph.sliced(of_axis, part, part + 1, axis=2) for part in (0, 1))
    return graph.op(
        "Add", graph.shaped(by_row, 0, LANDMARK_SIZE_PX, 1), graph.shaped(by_column, 0, 1, LANDMARK_SIZE_PX)
    )


def _parted(graph: GraphWriter, places: str) -> tuple[str, str]:
    """The cell at the left of (or above) each place, and how many 32nds of the way to the next one it lies."""
    held = graph.op("Clip", places, -_FARTHEST_PX, _FARTHEST_PX)
    steps = graph.op("Round", graph.op("Mul", held, float(_STEPS)))
    cell = graph.op("Floor", graph.op("Mul", steps, 1 / _STEPS))
    return cell, graph.op("Sub", steps, graph.op("Mul", cell, float(_STEPS)))


def _index(graph: GraphWriter, cell: tuple[str, str], moved: tuple[int, int], frame_wh: tuple[int, int]) -> str:
    """Of the pixel at this distance from each cell, those outside moved to the edge."""
    column, row = (
        graph.cast(graph.op("Clip", graph.op("Add", axis, float(by)), 0.0, float(size - 1)), TensorProto.INT32)
        for axis, by, size in zip(cell, moved, frame_wh, strict=True)
    )
    return graph.op("Add", graph.op("Mul", row, np.array(frame_wh[0], np.int32)), column)


def _levels(graph: GraphWriter, pixels: str, index: str) -> str:
    """(batch, 256, 256, 3)"""
    return graph.op("Gather", pixels, index, axis=0)


def _mixed(graph: GraphWriter, steps: str, near: str, far: str) -> str:
    """32 times what lies so many 32nds of the way from `near` to `far`."""
    share = graph.op("Unsqueeze", steps, np.array([3], np.int64))
    rest = graph.op("Sub", float(_STEPS), share)
    return graph.op("Add", graph.op("Mul", rest, near), graph.op("Mul", share, far))
