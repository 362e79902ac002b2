"""`VirtualView.rays` as ONNX operations: pixels of the crop to directions in the crop's virtual camera.

The lens is undone by Newton's method as in `engine.body.camera`, with a fixed number of steps. A grid of rays to read
between was tried and is worse: where a strong lens turns back, rays bend like a square root (docs/experiments.md).
"""

from __future__ import annotations

import numpy as np

from engine.body.virtual_camera import WIDEST
from engine.build.graph_writer import GraphWriter
from engine.runtime.fused_inputs import DISTORTION, FLAT_FROM_CROP, LOG_SIZES, VIEW_FROM_CAMERA
from engine.runtime.live_numbers import FARTHEST_RAY

STEPS = 6
"""After six a ray of a picture taken with a lens of k1 = -0.26 that sees 94 degrees is off by 0.016 % of the half
angle, with weaker ones by at most 0.0003 %."""


def rays(graph: GraphWriter, crop_units: str) -> str:
    """(batch, n, 2) places in halves of the crop's side from its middle -> (batch, n, 2) as in `LiveNumbers`."""
    seen = _along_axes(graph, crop_units, FLAT_FROM_CROP)
    flat = _undistorted(graph, seen)
    turned = graph.op("MatMul", _with_one(graph, flat), graph.op("Transpose", VIEW_FROM_CAMERA, perm=[0, 2, 1]))
    sideways, ahead = graph.ops("Split", turned, np.array([2, 1], np.int64), to=(None, None), axis=-1)
    beside = graph.op("Mul", _length(graph, sideways), 1 / WIDEST)
    depth = graph.op("Max", ahead, graph.op("Max", beside, 1e-12))
    half_tan = graph.op("Exp", graph.op("Unsqueeze", graph.sliced(LOG_SIZES, 0, 1), np.array([1], np.int64)))
    ray = graph.op("Div", sideways, graph.op("Mul", depth, half_tan))
    return graph.op("Clip", ray, -FARTHEST_RAY, FARTHEST_RAY)


def _along_axes(graph: GraphWriter, places: str, affine: str) -> str:
    """(batch, n, 2) places through (batch, 2, 3) maps."""
    return graph.op("MatMul", _with_one(graph, places), graph.op("Transpose", affine, perm=[0, 2, 1]))


def _with_one(graph: GraphWriter, places: str) -> str:
    """(batch, n, 2) -> (batch, n, 3)."""
    return graph.op("Pad", places, np.array([0, 0, 0, 0, 0, 1], np.int64), 1.0)


class _Lens:
    """Coefficients (batch, 1, 1) of each crop's camera."""

    def __init__(self, graph: GraphWriter) -> None:
        terms = graph.op("Unsqueeze", DISTORTION, np.array([1], np.int64))
        self.k1, self.k2, self.p1, self.p2, self.k3, self.reach = graph.ops(
            "Split", terms, np.ones(6, np.int64), to=(None,) * 6, axis=-1
        )


def _undistorted(graph: GraphWriter, seen: str) -> str:
    """x and y stay apart until the end: TensorRT for RTX computes joined and split tensors anew for every reader, and
    with several steps its compiler did not come to an end."""
    lens, ends = _Lens(graph), _parted(graph, seen)
    flat = _within(graph, ends, lens)
    for _ in range(STEPS):
        x, y = _newton_step(graph, flat, ends, lens)
        flat = _within(graph, (graph.op("Add", flat[0], x), graph.op("Add", flat[1], y)), lens)
    return graph.joined(*flat)


def _newton_step(graph: GraphWriter, flat: tuple[str, str], seen: tuple[str, str], lens: _Lens) -> tuple[str, str]:
    """`camera._newton_step` of what `camera._distorted` misses."""

    def add(first: str, *others: str | float) -> str:
        for other in others:
            first = graph.op("Add", first, other)
        return first

    def mul(first: str, *others: str | float) -> str:
        for other in others:
            first = graph.op("Mul", first, other)
        return first

    x, y = flat
    xx, yy, xy = mul(x, x), mul(y, y), mul(x, y)
    r2 = add(xx, yy)
    radial = add(mul(r2, add(lens.k1, mul(r2, add(lens.k2, mul(r2, lens.k3))))), 1.0)
    growth = mul(add(lens.k1, mul(r2, add(mul(lens.k2, 2.0), mul(r2, lens.k3, 3.0)))), 2.0)
    bent_x = add(mul(x, radial), mul(lens.p1, xy, 2.0), mul(lens.p2, add(r2, mul(xx, 2.0))))
    bent_y = add(mul(y, radial), mul(lens.p1, add(r2, mul(yy, 2.0))), mul(lens.p2, xy, 2.0))
    to_x, to_y = graph.op("Sub", seen[0], bent_x), graph.op("Sub", seen[1], bent_y)

    by_xx = add(radial, mul(xx, growth), mul(lens.p1, y, 2.0), mul(lens.p2, x, 6.0))
    by_yy = add(radial, mul(yy, growth), mul(lens.p1, y, 6.0), mul(lens.p2, x, 2.0))
    by_xy = add(mul(xy, growth), mul(lens.p1, x, 2.0), mul(lens.p2, y, 2.0))
    area = graph.op("Sub", mul(by_xx, by_yy), mul(by_xy, by_xy))
    size = graph.op("Max", graph.op("Abs", area), 1e-6)
    signed = graph.op("Where", graph.op("Less", area, 0.0), graph.op("Neg", size), size)
    step_x = graph.op("Sub", mul(by_yy, to_x), mul(by_xy, to_y))
    step_y = graph.op("Sub", mul(by_xx, to_y), mul(by_xy, to_x))
    return graph.op("Div", step_x, signed), graph.op("Div", step_y, signed)


def _within(graph: GraphWriter, flat: tuple[str, str], lens: _Lens) -> tuple[str, str]:
    x, y = flat
    length = graph.op("Sqrt", graph.op("Add", graph.op("Mul", x, x), graph.op("Mul", y, y)))
    share = graph.op("Min", graph.op("Div", lens.reach, graph.op("Max", length, 1e-12)), 1.0)
    return graph.op("Mul", x, share), graph.op("Mul", y, share)


def _parted(graph: GraphWriter, flat: str) -> tuple[str, str]:
    """(batch, n, 2) -> (batch, n, 1) of each axis."""
    x, y = graph.ops("Split", flat, np.ones(2, np.int64), to=(None, None), axis=-1)
    return x, y


def _length(graph: GraphWriter, flat: str) -> str:
    """(batch, n, 2) -> (batch, n, 1)."""
    return graph.op("Sqrt", graph.total(graph.op("Mul", flat, flat)))
