"""The heavy landmark network and the detector in 8 bits, for CPUs: less than half and two thirds of the time, answers
nearly as good as in single precision.

Weights get a step per channel, activations one step each, as onnxruntime's QLinearConv takes them. Rounding weights
shifts a layer's outputs by about the same amount in every picture, since activations behind a ReLU are never negative;
that shift is known from their mean and taken off the bias, without which the network is no better than the full one
(docs/experiments.md; bias correction of Nagel et al., 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray

from engine.blazepose.evened import evened
from engine.blazepose.graph import Add, Concat, Conv, NetworkGraph, Op, PadChannels, Padding, Reshape, Sigmoid
from engine.blazepose.seen_tensors import SeenTensor
from engine.blazepose.to_onnx import Emitter, name

F32 = NDArray[np.float32]

_UINT8_MAX, _INT32_MAX = 255, 2**31 - 1
_WEIGHT_MAX = 64
"""Not 127: x86 processors without VNNI add two products in 16 bits, and 2 * 255 * 64 fits in there. So the network
answers the same on all of them."""
_LEAST_SIDE = 4
"""Maps of fewer pixels along a side stay in single precision: they feed the heads, and they cost next to nothing."""


def eight_bit_onnx(graph: NetworkGraph, seen: Mapping[int, SeenTensor]) -> onnx.ModelProto:
    """An ONNX model, checked, with the inputs and outputs of `to_onnx`.

    seen: of every tensor of `needed_of`.
    """
    even, held = evened(graph, seen)
    return _EightBits(*_padded_by_convolution(even, held)).model()


def needed_of(graph: NetworkGraph) -> list[int]:
    """The tensors whose contents must be known: what operations in 8 bits read and make."""
    known = [*rounded_operations(graph), *(op for op in graph.ops if isinstance(op, PadChannels))]
    return sorted({tensor for op in known for tensor in (*op.sources, op.output)})


def rounded_operations(graph: NetworkGraph) -> list[Conv | Add]:
    """Those that compute in 8 bits: convolutions and sums, but for those of tiny maps and at both ends."""
    ends = _first_layers(graph) | _heads(graph)
    return [
        op
        for op in graph.ops
        if isinstance(op, Conv | Add) and op.output not in ends and graph.shapes[op.output][1] >= _LEAST_SIDE
    ]


def _first_layers(graph: NetworkGraph) -> set[int]:
    """What is made of the picture, and of that by a depthwise convolution: in 8 bits the latter takes longer, and the
    key points of the detector suffer most from it."""
    first = {op.output for op in graph.ops if graph.input in op.sources}
    return first | {op.output for op in graph.ops if _is_depthwise(op) and op.sources[0] in first}


def _heads(graph: NetworkGraph) -> set[int]:
    """What becomes an output with at most its shape changed, and depthwise convolutions right in front of it."""
    made_by = {op.output: op for op in graph.ops}
    ends: set[int] = set()
    left = [output.tensor for output in graph.outputs]
    while left:
        tensor = left.pop()
        ends.add(tensor)
        op = made_by.get(tensor)
        if isinstance(op, Reshape | Concat | Sigmoid):
            left += op.sources
        elif isinstance(op, Conv) and _is_depthwise(made_by.get(op.sources[0])):
            ends.add(op.sources[0])
    return ends


def _is_depthwise(op: Op | None) -> bool:
    return isinstance(op, Conv) and op.groups > 1


def _padded_by_convolution(
    graph: NetworkGraph, seen: Mapping[int, SeenTensor]
) -> tuple[NetworkGraph, dict[int, SeenTensor]]:
    """Channels of zeros added by a convolution of ones, which 8 bits compute exactly: what comes out lies in memory as
    convolutions want it, and so does all that is summed with it. A Pad costs two transpositions of every sum behind it.
    """
    held, ops = dict(seen), list(graph.ops)
    for place, op in enumerate(ops):
        if isinstance(op, PadChannels):
            kept = graph.shapes[op.sources[0]][-1]
            weight = np.eye(kept + op.added, kept, dtype=np.float32)[:, :, None, None]
            bias = np.zeros(kept + op.added, np.float32)
            ops[place] = Conv(op.sources, op.output, weight, bias, 1, Padding(), 1, "none")
            held[op.output] = held[op.sources[0]].widened(op.added)
    return replace(graph, ops=tuple(ops)), held


class _EightBits(Emitter):
    def __init__(self, graph: NetworkGraph, seen: Mapping[int, SeenTensor]) -> None:
        super().__init__(graph)
        self._seen = seen
        self._rounded = {op.output for op in rounded_operations(graph)}
        self._activation = {op.output: op.activation for op in graph.ops if isinstance(op, Conv | Add)}
        self._paired: set[int] = set()

    def operation(self, op: Op) -> None:
        if op.output not in self._rounded:
            super().operation(op)
            return
        raw = f"{name(op.output)}_raw"
        if isinstance(op, Conv):
            self._rounded_convolution(op, raw)
        else:
            self._node("Add", [self._pair_of(source) for source in op.sources], raw)
        self._pair(raw, op.output, name(op.output))

    def _rounded_convolution(self, op: Conv, target: str) -> None:
        source, output = op.sources[0], name(op.output)
        input_step, _ = self._step_and_zero(source)
        steps = np.maximum(np.abs(op.weight).max(axis=(1, 2, 3)), 1e-12) / np.float32(_WEIGHT_MAX)
        along = steps[:, None, None, None]
        bits = np.clip(np.rint(op.weight / along), -_WEIGHT_MAX, _WEIGHT_MAX).astype(np.int8)
        bias_steps = (steps * input_step).astype(np.float32)
        bias = np.rint((op.bias - self._shift(op, bits * along)) / bias_steps)
        weights = [
            self._dequantized(f"{output}_weight", bits, steps.astype(np.float32)),
            self._dequantized(f"{output}_bias", np.clip(bias, -_INT32_MAX, _INT32_MAX).astype(np.int32), bias_steps),
        ]
        self._convolution(op, [self._pair_of(source), *weights], target)

    def _shift(self, op: Conv, weight: F32) -> F32:
        """(out channel,) by how much the rounded weights move the mean output."""
        moved, mean = (weight - op.weight).sum(axis=(2, 3)), self._seen[op.sources[0]].mean
        return np.asarray(moved[:, 0] * mean if op.groups > 1 else moved @ mean)

    def _pair_of(self, tensor: int) -> str:
        """The tensor in 8 bits and back; what was made in 8 bits is that already."""
        if tensor in self._rounded:
            return name(tensor)
        paired = f"{name(tensor)}_rounded"
        if tensor not in self._paired:
            self._paired.add(tensor)
            self._pair(name(tensor), tensor, paired)
        return paired

    def _pair(self, source: str, tensor: int, target: str) -> None:
        """Rounding clips as well, so that an activation in front of it is done by its range."""
        step, zero = self._step_and_zero(tensor)
        grid = [self._constant(f"{name(tensor)}_step", step), self._constant(f"{name(tensor)}_zero", zero)]
        self._node("QuantizeLinear", [source, *grid], f"{target}_bits")
        self._node("DequantizeLinear", [f"{target}_bits", *grid], target)

    def _step_and_zero(self, tensor: int) -> tuple[np.float32, np.uint8]:
        low, high = float(self._seen[tensor].low.min()), float(self._seen[tensor].high.max())
        activation = self._activation.get(tensor, "none")
        low = low if activation == "none" else 0.0
        high = min(high, 6.0) if activation == "relu6" else high
        step = max(high - low, 1e-6) / _UINT8_MAX
        return np.float32(step), np.uint8(np.clip(round(-low / step), 0, _UINT8_MAX))

    def _dequantized(self, target: str, bits: NDArray[np.integer], steps: F32) -> str:
        stored = [
            self._constant(f"{target}_bits", bits),
            self._constant(f"{target}_step", steps),
            self._constant(f"{target}_zero", np.zeros(len(steps), bits.dtype)),
        ]
        self._node("DequantizeLinear", stored, target, axis=0)
        return target
