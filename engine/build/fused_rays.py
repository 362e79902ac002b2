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
    """Coefficients (batch, 1, 1) of each crop's camera, and those multiples of them that the steps need."""

    def __init__(self, graph: GraphWriter) -> None:
        terms = graph.op("Unsqueeze", DISTORTION, np.array([1], np.int64))
        self.k1, self.k2, p1, p2, self.k3, self.reach = graph.ops(
            "Split", terms, np.ones(6, np.int64), to=(None,) * 6, axis=-1
        )
        self.p1, self.p2 = p1, p2
        self.twice_k1, self.twice_p1, self.twice_p2 = (graph.op("Mul", term, 2.0) for term in (self.k1, p1, p2))
        self.four_k2 = graph.op("Mul", self.k2, 4.0)
        self.six_k3, self.six_p1, self.six_p2 = (graph.op("Mul", term, 6.0) for term in (self.k3, p1, p2))


def _undistorted(graph: GraphWriter, seen: str) -> str:
    lens = _Lens(graph)
    flat = _within(graph, seen, lens)
    for _ in range(STEPS):
        flat = _within(graph, graph.op("Add", flat, _newton_step(graph, flat, seen, lens)), lens)
    return flat


def _newton_step(graph: GraphWriter, flat: str, seen: str, lens: _Lens) -> str:
    """`camera._newton_step` of what `camera._distorted` misses."""

    def add(*terms: str | float) -> str:
        total = terms[0]
        for term in terms[1:]:
            total = graph.op("Add", total, term)
        return str(total)

    def mul(first: str, second: str) -> str:
        return graph.op("Mul", first, second)

    x, y = graph.ops("Split", flat, np.ones(2, np.int64), to=(None, None), axis=-1)
    xx, yy, xy = mul(x, x), mul(y, y), mul(x, y)
    r2 = add(xx, yy)
    radial = add(mul(r2, add(mul(r2, add(mul(r2, lens.k3), lens.k2)), lens.k1)), 1.0)
    growth = add(mul(r2, add(mul(r2, lens.six_k3), lens.four_k2)), lens.twice_k1)
    bent_x = add(mul(x, radial), mul(lens.twice_p1, xy), mul(lens.p2, add(r2, xx, xx)))
    bent_y = add(mul(y, radial), mul(lens.p1, add(r2, yy, yy)), mul(lens.twice_p2, xy))
    missing = graph.op("Sub", seen, graph.joined(bent_x, bent_y))
    to_x, to_y = graph.ops("Split", missing, np.ones(2, np.int64), to=(None, None), axis=-1)

    by_xx = add(radial, mul(xx, growth), mul(lens.twice_p1, y), mul(lens.six_p2, x))
    by_yy = add(radial, mul(yy, growth), mul(lens.six_p1, y), mul(lens.twice_p2, x))
    by_xy = add(mul(xy, growth), mul(lens.twice_p1, x), mul(lens.twice_p2, y))
    area = graph.op("Sub", mul(by_xx, by_yy), mul(by_xy, by_xy))
    size = graph.op("Max", graph.op("Abs", area), 1e-6)
    signed = graph.op("Where", graph.op("Less", area, 0.0), graph.op("Neg", size), size)
    step_x = graph.op("Sub", mul(by_yy, to_x), mul(by_xy, to_y))
    step_y = graph.op("Sub", mul(by_xx, to_y), mul(by_xy, to_x))
    return graph.op("Div", graph.joined(step_x, step_y), signed)


def _within(graph: GraphWriter, flat: str, lens: _Lens) -> str:
    share = graph.op("Div", lens.reach, graph.op("Max", _length(graph, flat), 1e-12))
    return graph.op("Mul", flat, graph.op("Min", share, 1.0))


def _length(graph: GraphWriter, flat: str) -> str:
    """(batch, n, 2) -> (batch, n, 1)."""
    return graph.op("Sqrt", graph.total(graph.op("Mul", flat, flat)))
