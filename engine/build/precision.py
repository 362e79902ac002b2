"""Precision as types in the graph: what a strongly typed network is built from.

TensorRT 11 and TensorRT for RTX know no precision flags any more; a layer computes in the types of its tensors. So half
precision is written into the graph: chosen operations take half-precision tensors, everything else stays single, inputs
and outputs as well. A tensor is cast once where it passes from one side to the other.
Law: no joint moves beyond the limits of `engine.build.parity`, which decides and not this file.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from enum import StrEnum
from functools import cache

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, defs, helper, numpy_helper

from engine.build.build_error import BuildError

SINGLE = TensorProto.FLOAT
MARK = ".narrow"
"""Ends the names of tensors in the narrow type."""
EXACT = "exact/"
"""Begins the names of tensors that single precision is kept for in every case, by the operations that make or read
them: pixels and indices of `engine.build.fused`, which half precision would move by cells."""
_LARGE = 256
"""Numbers in a tensor; shapes and axes, whose values matter to the inference of shapes, have fewer."""
_FLOAT16_MAX = float(np.finfo(np.float16).max)


class Precision(StrEnum):
    """fp16: every operation that may lose digits without harm by its kind. mixed: fp16 without those operations that
    are seen to move joints (`engine.build.sensitive`). bf16: as fp16 with 8 bits of fraction instead of 11; not offered
    for building, it moves BlazePose's joints by decimetres. int8, fp8: as mixed, and products that bear it take their
    inputs in 8 bits (`engine.build.eight_bits`); fp8 is float8 e4m3."""

    FP32 = "fp32"
    FP16 = "fp16"
    MIXED = "mixed"
    BF16 = "bf16"
    INT8 = "int8"
    FP8 = "fp8"

    @property
    def has_8_bits(self) -> bool:
        return self in (Precision.INT8, Precision.FP8)

    @property
    def narrow(self) -> int:
        return int(TensorProto.BFLOAT16 if self is Precision.BF16 else TensorProto.FLOAT16)


_STAY_SINGLE = frozenset({"Exp", "Log", "LogSoftmax", "Pow", "ReduceSum", "ReduceMean", "Sqrt", "Reciprocal"})
"""Whose results leave half precision's range, or whose sums lose its digits, also where their arguments do not."""


_CONVERSIONS = frozenset({"Cast", "QuantizeLinear", "DequantizeLinear"})


def converted(
    model: onnx.ModelProto, precision: Precision, *, kept_single: Collection[str] = frozenset()
) -> onnx.ModelProto:
    """A copy of the graph with the types of `precision`; inputs, outputs and their names stay as they are.

    kept_single: operations that stay in single precision, by `operation_name`.
    BuildError where the graph has branches or loops, whose bodies this does not enter.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if precision is not Precision.FP32:
        _Narrowing(copy, precision, frozenset(kept_single)).apply()
    return copy


def operation_name(node: NodeProto) -> str:
    """An operation goes by its first output: that name is there and is the only one of its kind."""
    return node.output[0]


def narrowed_share(model: onnx.ModelProto) -> tuple[int, int]:
    """Operations that compute in the narrow type, and all, conversions not counted."""
    working = [node for node in model.graph.node if node.op_type not in _CONVERSIONS]
    return sum(any(name.endswith(MARK) for name in node.output) for node in working), len(working)


def stored_in_single(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose weights are stored in the single precision that the graph computes with them in."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    _fold_casts_of_weights(graph)
    used = {name for node in graph.node for name in node.input} | {entry.name for entry in graph.output}
    for index in reversed([place for place, tensor in enumerate(graph.initializer) if tensor.name not in used]):
        del graph.initializer[index]
    return copy


class _Narrowing:
    def __init__(self, model: onnx.ModelProto, precision: Precision, kept_single: frozenset[str]) -> None:
        self._graph = model.graph
        self._kept_single = kept_single
        self._precision = precision
        self._opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        _fold_casts_of_weights(self._graph)
        self._singles = _single_tensors(model)
        self._weights = {tensor.name: tensor for tensor in self._graph.initializer}
        self._outputs = {entry.name for entry in self._graph.output}
        self._narrow: set[str] = set()
        """Tensors that exist in the narrow type, by their old names."""
        self._single = {entry.name for entry in self._graph.input}
        self._nodes: list[NodeProto] = []
        self._stored: dict[str, TensorProto] = {}

    def apply(self) -> None:
        for node in self._graph.node:
            if any(attribute.HasField("g") for attribute in node.attribute):
                raise BuildError(
                    f"the operation {node.op_type} ({node.name}) holds a graph of its own, which cannot be converted "
                    f"to {self._precision}; build it with --precision fp32"
                )
            self._narrowed(node) if self._computes_narrow(node) else self._kept(node)
        for name in self._outputs:
            self._want_single(name)
        for field, entries in (("node", self._nodes), ("initializer", self._stored.values())):
            self._graph.ClearField(field)
            getattr(self._graph, field).extend(entries)
        self._graph.ClearField("value_info")  # the shapes hold, the types do not

    def _computes_narrow(self, node: NodeProto) -> bool:
        if node.domain not in ("", "ai.onnx") or node.op_type in _STAY_SINGLE:
            return False
        if operation_name(node) in self._kept_single or any(
            name.startswith(EXACT) for name in (*node.input, *node.output)
        ):
            return False
        slots = _typed_like_output(node.op_type, self._opset, len(node.input))
        return bool(slots) and all(node.input[slot] in self._singles for slot in slots if node.input[slot])

    def _narrowed(self, node: NodeProto) -> None:
        slots = _typed_like_output(node.op_type, self._opset, len(node.input))
        copy = NodeProto()
        copy.CopyFrom(node)
        for slot, name in enumerate(node.input):
            if slot in slots and name:
                copy.input[slot] = self._want_narrow(name)
            else:
                self._want_single(name)
        for slot, name in enumerate(node.output):
            if name in self._singles:
                copy.output[slot] = name + MARK
                self._narrow.add(name)
            else:
                self._single.add(name)
        self._nodes.append(copy)

    def _kept(self, node: NodeProto) -> None:
        for name in node.input:
            self._want_single(name)
        self._single.update(node.output)
        self._nodes.append(node)

    def _want_narrow(self, name: str) -> str:
        if name not in self._narrow:
            self._narrow.add(name)
            if name in self._weights:
                self._stored[name + MARK] = _narrow_weight(self._weights[name], self._precision.narrow)
            else:
                self._nodes.append(helper.make_node("Cast", [name], [name + MARK], to=self._precision.narrow))
        return name + MARK

    def _want_single(self, name: str) -> None:
        if not name or name in self._single:
            return
        self._single.add(name)
        if name in self._weights:
            self._stored[name] = self._weights[name]
        elif name in self._narrow:
            self._nodes.append(helper.make_node("Cast", [name + MARK], [name], to=SINGLE))


@cache
def _typed_like_output(operation: str, opset: int, given: int) -> frozenset[int]:
    """The inputs that share the type of the first output, where ONNX lets that type be a float; from its own schema."""
    if operation == "Cast":
        return frozenset()
    schema = defs.get_schema(operation, opset)
    kind = schema.outputs[0].type_str
    allowed = [entry.allowed_type_strs for entry in schema.type_constraints if entry.type_param_str == kind]
    if not any("tensor(float16)" in types for types in allowed):
        return frozenset()
    last = len(schema.inputs) - 1
    return frozenset(slot for slot in range(given) if schema.inputs[min(slot, last)].type_str == kind)


def _single_tensors(model: onnx.ModelProto) -> frozenset[str]:
    graph = onnx.shape_inference.infer_shapes(_without_large_weights(model)).graph
    named: Iterator[tuple[str, int]] = (
        (entry.name, entry.type.tensor_type.elem_type)
        for entries in (graph.input, graph.value_info, graph.output)
        for entry in entries
    )
    found = {name for name, kind in named if kind == SINGLE}
    return frozenset(found | {tensor.name for tensor in graph.initializer if tensor.data_type == SINGLE})


def _without_large_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with large weights as inputs: types follow from their types, and copying them costs the time."""
    graph = model.graph
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    light.graph.node.extend(graph.node)
    light.graph.input.extend(graph.input)
    light.graph.output.extend(graph.output)
    for tensor in graph.initializer:
        if math.prod(tensor.dims) > _LARGE:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        else:
            light.graph.initializer.append(tensor)
    return light


def _fold_casts_of_weights(graph: onnx.GraphProto) -> None:
    """Weights stored in half and cast to single become weights in single: they are narrowed again, or wanted so."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        source = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if source is None or helper.get_node_attr_value(node, "to") != SINGLE:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(source).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    graph.ClearField("node")
    graph.node.extend(nodes)


def _narrow_weight(tensor: TensorProto, kind: int) -> TensorProto:
    """Finite weights stay finite: half precision ends at 65504."""
    values = numpy_helper.to_array(tensor)
    if kind == TensorProto.FLOAT16:
        held = np.where(np.isfinite(values), np.clip(values, -_FLOAT16_MAX, _FLOAT16_MAX), values)
        return numpy_helper.from_array(held.astype(np.float16), tensor.name + MARK)
    narrow = values.astype(helper.tensor_dtype_to_np_dtype(kind))
    return numpy_helper.from_array(narrow, tensor.name + MARK)
