"""The neutral description as an ONNX model.

Pictures are (batch, channel, height, width): one transpose at the input. The batch axis is free.
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
    PadChannels,
    Reshape,
    Shape,
    Sigmoid,
    Upsample,
)

OPSET = 17
IR_VERSION = 9
"""Fixed so that the oldest onnxruntime that we admit reads what the newest onnx writes."""

CONVERTER_VERSION = "6"
"""Raise it whenever the emitted graph changes (`simplify.py` included): cached graphs are keyed by it."""

_TO_CHANNELS_FIRST = [0, 3, 1, 2]
_TO_CHANNELS_LAST = [0, 2, 3, 1]


def to_onnx(graph: NetworkGraph) -> onnx.ModelProto:
    """An ONNX model, checked; its input is float32 (batch, height, width, channel)."""
    return Emitter(graph).model()


class Emitter:
    """One use each. `operation` may be overridden to write some operations in another form."""

    def __init__(self, graph: NetworkGraph) -> None:
        self._graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def operation(self, op: Op) -> None:
        """Append the nodes that compute tensor `name(op.output)`."""
        self._emit(op)

    def model(self) -> onnx.ModelProto:
        """All of it, checked."""
        graph = self._graph
        self._node("Transpose", [graph.input_name], name(graph.input), perm=_TO_CHANNELS_FIRST)
        for op in graph.ops:
            self.operation(op)
        outputs = [self._output(output) for output in graph.outputs]
        shape: list[str | int | None] = ["batch", *graph.shapes[graph.input][1:]]
        picture = helper.make_tensor_value_info(graph.input_name, TensorProto.FLOAT, shape)
        body = helper.make_graph(
            self._nodes, graph.source, [picture], outputs, initializer=list(self._constants.values())
        )
        model = helper.make_model(
            body,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="di2pose",
            producer_version=CONVERTER_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind}_{output}", **attributes))

    def _constant(self, written: str, values: ArrayLike) -> str:
        self._constants[written] = numpy_helper.from_array(np.asarray(values), written)
        return written

    def _output(self, output: GraphOutput) -> onnx.ValueInfoProto:
        shape = self._graph.shapes[output.tensor]
        self._node("Identity", [name(output.tensor)], output.name)
        return helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["batch", *_channels_first(shape)[1:]])

    def _activated(self, output: int, activation: Activation) -> str:
        """Where the operation itself must write, after appending what its activation needs."""
        return name(output) if activation == "none" else f"{name(output)}_raw"

    def _activate(self, output: int, activation: Activation) -> None:
        raw = self._activated(output, activation)
        if activation == "relu":
            self._node("Relu", [raw], name(output))
        if activation == "relu6":
            bounds = [self._constant("zero", np.float32(0)), self._constant("six", np.float32(6))]
            self._node("Clip", [raw, *bounds], name(output))

    @singledispatchmethod
    def _emit(self, op: Op) -> None:
        raise TypeError(f"no ONNX form for {type(op).__name__}")

    @_emit.register
    def _conv(self, op: Conv) -> None:
        written = name(op.output)
        weights = [self._constant(f"{written}_weight", op.weight), self._constant(f"{written}_bias", op.bias)]
        self._convolution(op, [name(op.sources[0]), *weights], self._activated(op.output, op.activation))
        self._activate(op.output, op.activation)

    def _convolution(self, op: Conv, inputs: list[str], output: str) -> None:
        self._node(
            "Conv",
            inputs,
            output,
            kernel_shape=list(op.weight.shape[2:]),
            strides=[op.stride, op.stride],
            pads=[op.padding.top, op.padding.left, op.padding.bottom, op.padding.right],
            group=op.groups,
        )

    @_emit.register
    def _add(self, op: Add) -> None:
        self._node("Add", [name(source) for source in op.sources], self._activated(op.output, op.activation))
        self._activate(op.output, op.activation)

    @_emit.register
    def _pad_channels(self, op: PadChannels) -> None:
        widths = self._constant(f"{name(op.output)}_widths", np.array([0, 0, 0, 0, 0, op.added, 0, 0], np.int64))
        self._node("Pad", [name(op.sources[0]), widths], name(op.output))

    @_emit.register
    def _max_pool(self, op: MaxPool) -> None:
        sizes = {"kernel_shape": [op.kernel] * 2, "strides": [op.stride] * 2}
        self._node("MaxPool", [name(op.sources[0])], name(op.output), **sizes)

    @_emit.register
    def _upsample(self, op: Upsample) -> None:
        scales = self._constant(f"scales_{op.factor}", np.array([1, 1, op.factor, op.factor], np.float32))
        modes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        raw = self._activated(op.output, op.activation)
        self._node("Resize", [name(op.sources[0]), "", scales], raw, **modes)
        self._activate(op.output, op.activation)

    @_emit.register
    def _depth_to_space(self, op: DepthToSpace) -> None:
        self._node("DepthToSpace", [name(op.sources[0])], name(op.output), blocksize=op.block, mode="DCR")

    @_emit.register
    def _reshape(self, op: Reshape) -> None:
        before, after = (self._graph.shapes[tensor] for tensor in (op.sources[0], op.output))
        source = name(op.sources[0])
        if len(before) == 4 and before[1:3] != (1, 1):
            source = f"{name(op.output)}_channels_last"
            self._node("Transpose", [name(op.sources[0])], source, perm=_TO_CHANNELS_LAST)
        target = self._constant(f"{name(op.output)}_shape", np.array([0, *after[1:]], np.int64))  # 0 keeps the batch
        self._node("Reshape", [source, target], name(op.output))

    @_emit.register
    def _concat(self, op: Concat) -> None:
        self._node("Concat", [name(source) for source in op.sources], name(op.output), axis=1)

    @_emit.register
    def _sigmoid(self, op: Sigmoid) -> None:
        self._node("Sigmoid", [name(op.sources[0])], name(op.output))


def name(tensor: int) -> str:
    """What a tensor is called in the graph."""
    return f"t{tensor}"


def _channels_first(shape: Shape) -> Shape:
    return shape if len(shape) != 4 else (shape[0], shape[3], shape[1], shape[2])
