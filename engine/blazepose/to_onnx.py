"""The neutral description as an ONNX model.

Pictures are (batch, channel, height, width) inside: one transpose at the input, and one at each output that is
asked for channels last. The batch axis is free.
"""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from engine.blazepose.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    DepthToSpace,
    GraphOutput,
    MaxPool,
    NetworkGraph,
    Op,
    Reshape,
    Shape,
    Sigmoid,
    Upsample,
)

OPSET = 17
IR_VERSION = 9
"""Fixed so that the oldest onnxruntime that we admit reads what the newest onnx writes."""

CONVERTER_VERSION = "2"
"""Raise it whenever the emitted graph changes (`simplify.py` included): cached graphs are keyed by it."""

_TO_CHANNELS_FIRST = [0, 3, 1, 2]
_TO_CHANNELS_LAST = [0, 2, 3, 1]


def to_onnx(graph: NetworkGraph) -> onnx.ModelProto:
    """An ONNX model, checked; its input is float32 (batch, height, width, channel)."""
    model = _Emitter(graph).model()
    onnx.checker.check_model(model, full_check=True)
    return model


class _Emitter:
    def __init__(self, graph: NetworkGraph) -> None:
        self._graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def model(self) -> onnx.ModelProto:
        graph = self._graph
        self._node("Transpose", [graph.input_name], _name(graph.input), perm=_TO_CHANNELS_FIRST)
        for op in graph.ops:
            self._emit(op)
        outputs = [self._output(output) for output in graph.outputs]
        shape: list[str | int | None] = ["batch", *graph.shapes[graph.input][1:]]
        picture = helper.make_tensor_value_info(graph.input_name, TensorProto.FLOAT, shape)
        body = helper.make_graph(
            self._nodes, graph.source, [picture], outputs, initializer=list(self._constants.values())
        )
        return helper.make_model(
            body,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="di2pose",
            producer_version=CONVERTER_VERSION,
        )

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind}_{output}", **attributes))

    def _constant(self, name: str, values: ArrayLike) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def _output(self, output: GraphOutput) -> onnx.ValueInfoProto:
        shape = self._graph.shapes[output.tensor]
        if len(shape) == 4 and output.layout == "channels_last":
            self._node("Transpose", [_name(output.tensor)], output.name, perm=_TO_CHANNELS_LAST)
        else:
            self._node("Identity", [_name(output.tensor)], output.name)
        seen = _channels_first(shape) if output.layout == "channels_first" else shape
        return helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["batch", *seen[1:]])

    def _activated(self, output: int, activation: Activation) -> str:
        """Where the operation itself must write, after appending what its activation needs."""
        return _name(output) if activation == "none" else f"{_name(output)}_raw"

    def _activate(self, output: int, activation: Activation) -> None:
        raw = self._activated(output, activation)
        if activation == "relu":
            self._node("Relu", [raw], _name(output))
        if activation == "relu6":
            bounds = [self._constant("zero", np.float32(0)), self._constant("six", np.float32(6))]
            self._node("Clip", [raw, *bounds], _name(output))

    @singledispatchmethod
    def _emit(self, op: Op) -> None:
        raise TypeError(f"no ONNX form for {type(op).__name__}")

    @_emit.register
    def _conv(self, op: Conv) -> None:
        name = _name(op.output)
        weights = [self._constant(f"{name}_weight", op.weight), self._constant(f"{name}_bias", op.bias)]
        self._node(
            "Conv",
            [_name(op.sources[0]), *weights],
            self._activated(op.output, op.activation),
            kernel_shape=list(op.weight.shape[2:]),
            strides=[op.stride, op.stride],
            pads=[op.padding.top, op.padding.left, op.padding.bottom, op.padding.right],
            group=op.groups,
        )
        self._activate(op.output, op.activation)

    @_emit.register
    def _add(self, op: Add) -> None:
        self._node("Add", [_name(source) for source in op.sources], self._activated(op.output, op.activation))
        self._activate(op.output, op.activation)

    @_emit.register
    def _max_pool(self, op: MaxPool) -> None:
        sizes = {"kernel_shape": [op.kernel] * 2, "strides": [op.stride] * 2}
        self._node("MaxPool", [_name(op.sources[0])], _name(op.output), **sizes)

    @_emit.register
    def _upsample(self, op: Upsample) -> None:
        scales = self._constant(f"scales_{op.factor}", np.array([1, 1, op.factor, op.factor], np.float32))
        modes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        raw = self._activated(op.output, op.activation)
        self._node("Resize", [_name(op.sources[0]), "", scales], raw, **modes)
        self._activate(op.output, op.activation)

    @_emit.register
    def _depth_to_space(self, op: DepthToSpace) -> None:
        self._node("DepthToSpace", [_name(op.sources[0])], _name(op.output), blocksize=op.block, mode="DCR")

    @_emit.register
    def _reshape(self, op: Reshape) -> None:
        before, after = (self._graph.shapes[tensor] for tensor in (op.sources[0], op.output))
        source = _name(op.sources[0])
        if len(before) == 4 and before[1:3] != (1, 1):
            source = f"{_name(op.output)}_channels_last"
            self._node("Transpose", [_name(op.sources[0])], source, perm=_TO_CHANNELS_LAST)
        target = self._constant(f"{_name(op.output)}_shape", np.array([0, *after[1:]], np.int64))  # 0 keeps the batch
        self._node("Reshape", [source, target], _name(op.output))

    @_emit.register
    def _concat(self, op: Concat) -> None:
        self._node("Concat", [_name(source) for source in op.sources], _name(op.output), axis=1)

    @_emit.register
    def _sigmoid(self, op: Sigmoid) -> None:
        self._node("Sigmoid", [_name(op.sources[0])], _name(op.output))


def _name(tensor: int) -> str:
    return f"t{tensor}"


def _channels_first(shape: Shape) -> Shape:
    return shape if len(shape) != 4 else (shape[0], shape[3], shape[1], shape[2])
