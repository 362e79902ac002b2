"""`engine.blazepose.landmarks` and the reading of `engine.blazepose.features` as ONNX operations.

Law: the same places and heats as those modules give, but for the last digits: they add up in double precision here
and there. Of cells that are equally hot the first one counts, as there; TensorRT does not promise that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from engine.blazepose.landmarks import BODY_POINTS, CELL_PX, MIN_HEAT, NEAR, PEAKS, POINTS, WINDOW
from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.build.graph_writer import GraphWriter

_SIDE = 64
"""Cells of the heatmap and of the pyramid along a side."""
_COLDEST = -1e30
"""Logit of a cell that is not looked at again."""
_FARTHEST_CELL = 1000.0
"""Cells farther outside are as far outside; keeps indices small."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Names of tensors: `CropLandmarks` of every crop, with the batch as first axis."""

    points_px: str
    depth_px: str
    """(batch, 39, 1), as visibility and in_picture"""
    visibility: str
    in_picture: str
    world_m: str
    peaks_px: str
    """(batch, 33, peak, 2)"""
    peak_heats: str
    """(batch, 33, peak, 1)"""


@dataclass(frozen=True, slots=True)
class _Cells:
    """Names of tensors: cells around a cell, those outside moved to the edge, and their logits."""

    logits: str
    offsets: tuple[str, str]
    """Column and row, counted from the middle cell, before anything was moved."""
    held: tuple[str, str]
    """Column and row where they are read."""


def landmarks(graph: GraphWriter, *, values: str, world: str, heatmap: str) -> Landmarks:
    """values (batch, 195), world (batch, 117), heatmap (batch, 39, 64, 64): the network's outputs."""
    found_px, depth_px, seen, inside = graph.ops(
        "Split", graph.shaped(values, 0, POINTS, 5), np.array([2, 1, 1, 1], np.int64), to=(None,) * 4, axis=-1
    )
    logits = graph.shaped(heatmap, 0, POINTS, _SIDE * _SIDE)
    peaks_px, heats = peaks(graph, graph.sliced(logits, 0, BODY_POINTS, axis=1))
    return Landmarks(
        points_px=refined(graph, found_px, logits),
        depth_px=depth_px,
        visibility=sigmoid(graph, seen),
        in_picture=sigmoid(graph, inside),
        world_m=graph.shaped(world, 0, POINTS, 3),
        peaks_px=peaks_px,
        peak_heats=heats,
    )


def refined(graph: GraphWriter, points_px: str, logits: str) -> str:
    """`landmarks.refined`: points (batch, 39, 2), logits (batch, 39, 4096)."""
    scaled = graph.op("Mul", points_px, float(1 / CELL_PX))
    whole = graph.cast(graph.op("Clip", scaled, -_FARTHEST_CELL, _FARTHEST_CELL), TensorProto.INT32)
    cells = graph.cast(whole, TensorProto.FLOAT)
    column, row = (graph.sliced(cells, axis, axis + 1) for axis in (0, 1))
    around = _around(graph, logits, (column, row), WINDOW)
    held = graph.op(
        "And", *(_is(graph, *pair) for pair in zip(_moved(graph, (column, row), WINDOW), around.held, strict=True))
    )
    heat = graph.op("Mul", sigmoid(graph, around.logits), graph.cast(held, TensorProto.FLOAT))
    hottest = graph.op("ReduceMax", heat, np.array([-1], np.int64), keepdims=1)
    inside = graph.op("And", *(_is(graph, axis, _clipped(graph, axis)) for axis in (column, row)))
    sure = graph.op("And", inside, graph.op("GreaterOrEqual", hottest, MIN_HEAT))
    total = graph.op("Max", graph.total(heat), MIN_HEAT / 2)  # where it is less the point is not sure
    moved = [
        graph.op("Add", axis, graph.op("Div", graph.total(graph.op("Mul", heat, offset)), total))
        for axis, offset in zip((column, row), around.offsets, strict=True)
    ]
    return graph.op("Where", sure, graph.op("Mul", graph.joined(*moved), float(CELL_PX)), points_px)


def peaks(graph: GraphWriter, logits: str) -> tuple[str, str]:
    """`landmarks.heat_peaks`: logits (batch, 33, 4096) -> places (batch, 33, peak, 2), heats (batch, 33, peak, 1)."""
    left, places, heats = logits, [], []
    for number in range(PEAKS):
        index = graph.op("ArgMax", left, axis=2, keepdims=1)
        cell = graph.cast(index, TensorProto.FLOAT)
        row = graph.op("Floor", graph.op("Mul", cell, 1 / _SIDE))
        column = graph.op("Sub", cell, graph.op("Mul", row, float(_SIDE)))
        places.append(_peak_px(graph, logits, (column, row)))
        heats.append(sigmoid(graph, graph.op("GatherElements", logits, index, axis=2)))
        if number < PEAKS - 1:
            left = _without(graph, left, (column, row))
    return tuple(  # type: ignore[return-value]
        graph.joined(*(graph.op("Unsqueeze", name, np.array([2], np.int64)) for name in names), axis=2)
        for names in (places, heats)
    )


def at_points(graph: GraphWriter, feature_map: str, points_px: str) -> str:
    """`features.at_points`: map (batch, channel, 64, 64), points (batch, n, 2) -> (batch, n, channel)."""
    # Cell 0 lies at -1 and cell 63 at 1.
    places = graph.op("Sub", graph.op("Mul", points_px, 2 * _SIDE / LANDMARK_SIZE_PX / (_SIDE - 1)), 1.0)
    grid = graph.op("Unsqueeze", places, np.array([2], np.int64))
    read = graph.op("GridSample", feature_map, grid, mode="linear", padding_mode="border", align_corners=1)
    return graph.op("Transpose", graph.op("Squeeze", read, np.array([3], np.int64)), perm=[0, 2, 1])


def sigmoid(graph: GraphWriter, logits: str) -> str:
    """By its definition: onnxruntime's own ends at logits of 18, and heat is compared where it is colder."""
    exponents = graph.op("Clip", graph.op("Neg", logits), -80.0, 80.0)
    return graph.op("Reciprocal", graph.op("Add", graph.op("Exp", exponents), 1.0))


def _peak_px(graph: GraphWriter, logits: str, column_row: tuple[str, str]) -> str:
    """The mean of the 3x3 cells, of which those outside are read, and counted, at the edge."""
    near = _around(graph, logits, column_row, NEAR)
    heat = sigmoid(graph, near.logits)
    total = graph.total(heat)
    shifts = [graph.op("Sub", held, axis) for held, axis in zip(near.held, column_row, strict=True)]
    cells = [
        graph.op("Add", axis, graph.op("Div", graph.total(graph.op("Mul", heat, shift)), total))
        for axis, shift in zip(column_row, shifts, strict=True)
    ]
    return graph.op("Mul", graph.joined(*cells), float(CELL_PX))


def _without(graph: GraphWriter, logits: str, column_row: tuple[str, str]) -> str:
    """The logits (batch, 33, 4096) with the window around a cell cold."""
    lines = np.arange(_SIDE, dtype=np.float32)
    column, row = (
        graph.op("LessOrEqual", graph.op("Abs", graph.op("Sub", axis, lines)), float(WINDOW[-1])) for axis in column_row
    )
    window = graph.op(
        "And",
        graph.op("Unsqueeze", row, np.array([3], np.int64)),
        graph.op("Unsqueeze", column, np.array([2], np.int64)),
    )
    picture = graph.shaped(logits, 0, BODY_POINTS, _SIDE, _SIDE)
    return graph.shaped(graph.op("Where", window, _COLDEST, picture), 0, BODY_POINTS, _SIDE * _SIDE)


def _around(graph: GraphWriter, logits: str, column_row: tuple[str, str], window: NDArray[np.intp]) -> _Cells:
    """column_row: (batch, n, 1) each."""
    columns, rows = (_clipped(graph, axis) for axis in _moved(graph, column_row, window))
    index = graph.cast(graph.op("Add", graph.op("Mul", rows, float(_SIDE)), columns), TensorProto.INT64)
    return _Cells(
        logits=graph.op("GatherElements", logits, index, axis=2),
        offsets=(graph.constant(_offsets(window)[0]), graph.constant(_offsets(window)[1])),
        held=(columns, rows),
    )


def _moved(graph: GraphWriter, column_row: tuple[str, str], window: NDArray[np.intp]) -> tuple[str, str]:
    column, row = (graph.op("Add", axis, by) for axis, by in zip(column_row, _offsets(window), strict=True))
    return column, row


def _offsets(window: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of column and row, row by row."""
    steps = window.astype(np.float32)
    return np.tile(steps, len(steps)), np.repeat(steps, len(steps))


def _clipped(graph: GraphWriter, cells: str) -> str:
    return graph.op("Clip", cells, 0.0, float(_SIDE - 1))


def _is(graph: GraphWriter, first: str, second: str) -> str:
    return graph.op("Equal", first, second)
