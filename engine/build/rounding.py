"""Half precision imitated in single precision, so that a CPU can judge it.

onnxruntime computes most operations of a half-precision graph in single precision on a CPU, and may leave out the casts
between them; bfloat16 it hardly computes at all. Here every tensor of the narrow type is held in single precision and
rounded to what the narrow type can hold: weights once, activations after each operation. That is also what tensor cores
do: they add products up in single precision and round the result.
"""

from __future__ import annotations

import onnx
from onnx import NodeProto, helper, numpy_helper

from engine.build.precision import MARK, SINGLE, Precision
from engine.build.spelled_out import spelled_out


def rounding_in_single(model: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """A graph of `converted` as a single-precision graph whose narrow tensors are rounded; same inputs and outputs.

    Q/DQ pairs are spelled out, so that nothing but their arithmetic is left of them.
    """
    copy = spelled_out(model) if precision.has_8_bits else onnx.ModelProto()
    if not precision.has_8_bits:
        copy.CopyFrom(model)
    graph = copy.graph
    nodes = [made for node in graph.node for made in _rounded(node, precision)]
    weights = [_widened(tensor) for tensor in graph.initializer]
    for field, entries in (("node", nodes), ("initializer", weights)):
        graph.ClearField(field)
        getattr(graph, field).extend(entries)
    return copy


def _rounded(node: NodeProto, precision: Precision) -> list[NodeProto]:
    """The node, and behind each of its narrow outputs a cast to the narrow type and back: onnxruntime keeps both."""
    narrow = [name for name in node.output if name.endswith(MARK)]
    if not narrow:
        return [node]
    if node.op_type == "Cast":
        return _there_and_back(node.input[0], narrow[0], precision)
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.ClearField("output")
    copy.output.extend(f"{name}.exact" if name in narrow else name for name in node.output)
    return [copy, *(made for name in narrow for made in _there_and_back(f"{name}.exact", name, precision))]


def _there_and_back(source: str, target: str, precision: Precision) -> list[NodeProto]:
    between = f"{target}.rounded"
    return [
        helper.make_node("Cast", [source], [between], to=precision.narrow),
        helper.make_node("Cast", [between], [target], to=SINGLE),
    ]


def _widened(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if not tensor.name.endswith(MARK):
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float32"), tensor.name)
