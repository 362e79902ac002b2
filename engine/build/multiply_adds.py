"""How many multiply-adds each product of a graph takes for one person."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import helper, numpy_helper

from engine.build.calibration import PRODUCTS, Inputs, person_by_person
from engine.build.parity import outputs_of
from engine.build.precision import operation_name, stored_in_single


def multiply_adds(model: onnx.ModelProto, inputs: Inputs) -> dict[str, int]:
    """By `operation_name`, of every Conv, MatMul and Gemm. Runs the graph for one person to see the shapes."""
    single = stored_in_single(model)
    weights = {tensor.name: numpy_helper.to_array(tensor).shape for tensor in single.graph.initializer}
    products = [node for node in single.graph.node if node.op_type in PRODUCTS]
    wanted = {operation_name(node) for node in products} | {node.input[0] for node in products}
    seen = _shapes_of(single, wanted, next(person_by_person(single, inputs)))
    counts = {}
    for node in products:
        made = int(np.prod(seen[operation_name(node)]))
        if node.op_type == "Conv":
            counts[operation_name(node)] = made * int(np.prod(weights[node.input[1]][1:]))
        else:
            counts[operation_name(node)] = made * seen[node.input[0]][0 if _is_turned(node) else -1]
    return counts


def _is_turned(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "transA" and attribute.i for attribute in node.attribute)


def _shapes_of(model: onnx.ModelProto, names: Collection[str], inputs: Inputs) -> dict[str, tuple[int, ...]]:
    """A tensor that is input or output of the graph is seen as well."""
    known = {entry.name for entry in model.graph.output}
    given = {name: array.shape for name, array in inputs.items()}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    missing = [name for name in names if name not in known and name not in given]
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in missing)
    return {name: array.shape for name, array in outputs_of(watched, inputs).items()} | given
