"""Q/DQ pairs spelled out as the arithmetic that they stand for, so that no optimiser can take them away.

onnxruntime drops a clip before a pair, moves pairs, makes its own 8-bit kernels of others, and fails on a clip before
a float8 pair. Divide, round to the nearest even, cut off, multiply: this it computes as it stands, in single precision.
Sums of products of 8-bit numbers, which a GPU keeps in 32 bits, fit into single precision but for their last digits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

Stored = Mapping[str, NDArray[np.generic]]
_LIMITS = {"8bit.low": -128.0, "8bit.high": 127.0}
_FP8 = int(TensorProto.FLOAT8E4M3FN)


def spelled_out(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without QuantizeLinear and DequantizeLinear; names of all other tensors stay."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [
        numpy_helper.from_array(_dequantized(node, stored), node.output[0])
        for node in graph.node
        if _is_weight(node, stored)
    ]
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    nodes = [made for node in graph.node if not _is_weight(node, stored) for made in _spelled(node, kinds)]
    limits = [numpy_helper.from_array(np.array(limit, np.float32), name) for name, limit in _LIMITS.items()]
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in [*graph.initializer, *weights, *limits] if tensor.name in used]
    for field, entries in (("node", nodes), ("initializer", kept)):
        entries = [type(entry).FromString(entry.SerializeToString()) for entry in entries]
        graph.ClearField(field)
        getattr(graph, field).extend(entries)
    return copy


def _is_weight(node: NodeProto, stored: Stored) -> bool:
    return node.op_type == "DequantizeLinear" and node.input[0] in stored


def _dequantized(node: NodeProto, stored: Stored) -> NDArray[np.generic]:
    bits, steps = stored[node.input[0]].astype(np.float32), stored[node.input[1]]
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1) % bits.ndim
    along = [-1 if each == axis else 1 for each in range(bits.ndim)]
    return np.asarray((bits * steps.astype(np.float32).reshape(along)).astype(steps.dtype))


def _spelled(node: NodeProto, kinds: Mapping[str, int]) -> list[NodeProto]:
    if node.op_type == "DequantizeLinear":
        return [helper.make_node("Mul", node.input[:2], node.output)]
    if node.op_type != "QuantizeLinear":
        return [node]
    (bits,) = node.output
    divided = helper.make_node("Div", node.input[:2], [f"{bits}.divided"])
    if kinds[node.input[2]] == _FP8:
        return [
            divided,
            helper.make_node("Cast", [f"{bits}.divided"], [f"{bits}.rounded"], to=_FP8, saturate=1),
            helper.make_node("Cast", [f"{bits}.rounded"], [bits], to=TensorProto.FLOAT),
        ]
    return [
        divided,
        helper.make_node("Round", [f"{bits}.divided"], [f"{bits}.rounded"]),
        helper.make_node("Clip", [f"{bits}.rounded", *_LIMITS], [bits]),
    ]
