"""ONNX graphs of a few operations, for the builder: sound, unsupported, and with one sum that half precision ruins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPSET = 20


def graph_of(
    nodes: Sequence[NodeProto], weights: dict[str, np.ndarray], *, given: tuple[int | str, ...], rank: int = 2
) -> onnx.ModelProto:
    """One float input `x`, one float output `y` of so many axes."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, given)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"size {axis}" for axis in range(rank)])]
    stored = [numpy_helper.from_array(values, key) for key, values in weights.items()]
    made = helper.make_graph(list(nodes), "small", inputs, outputs, stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def two_layers(open_axis: int | str = "batch") -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {"w1": rng.normal(size=(8, 16)), "w2": rng.normal(size=(16, 3))}
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w2"], ["y"]),
    ]
    return graph_of(nodes, {key: values.astype(np.float32) for key, values in weights.items()}, given=(open_axis, 8))


def large_difference() -> onnx.ModelProto:
    """y = 2 * ((1000 x + x) - 1000 x): the difference of two large tensors, of which half precision keeps little."""
    nodes = [
        helper.make_node("Mul", ["x", "thousand"], ["large"]),
        helper.make_node("Add", ["large", "x"], ["sum"]),
        helper.make_node("Sub", ["sum", "large"], ["small"]),
        helper.make_node("Mul", ["small", "two"], ["y"]),
    ]
    weights = {"thousand": np.array([1000], np.float32), "two": np.array([2], np.float32)}
    return graph_of(nodes, weights, given=("batch", 8))


def unsupported() -> onnx.ModelProto:
    """Good ONNX that TensorRT does not know."""
    nodes = [
        helper.make_node("Unique", ["x"], ["unique"], axis=0, sorted=1),
        helper.make_node("Det", ["unique"], ["y"]),
    ]
    return graph_of(nodes, {}, given=("batch", 3, 3), rank=1)


def stored(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


_LIVE_INPUTS = {"points": (33, 17), "at_points": (33, 48), "trunk_2": (4, 288), "trunk_4": (16, 288), "view": (3,)}


def live_of_everything() -> onnx.ModelProto:
    """Inputs and outputs of a live model with three hypotheses; every number that it is told moves every joint."""
    rng = np.random.default_rng(4)
    told = sum(int(np.prod(size)) for size in _LIVE_INPUTS.values())
    weights = {
        "weight": rng.normal(size=(told, 51)).astype(np.float32),
        "flat": np.array([0, -1], np.int64),
        "body": np.array([0, 17, 3], np.int64),
        "hypothesis": np.array([1], np.int64),
        "noise_shape": np.array([3, 1, 1], np.int64),
        "axes": np.array([2], np.int64),
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
    }
    nodes = [helper.make_node("Reshape", [name, "flat"], [f"{name}_row"]) for name in _LIVE_INPUTS]
    nodes += [
        helper.make_node("Concat", [f"{name}_row" for name in _LIVE_INPUTS], ["told"], axis=1),
        helper.make_node("MatMul", ["told", "weight"], ["numbers"]),
        helper.make_node("Reshape", ["numbers", "body"], ["placed"]),
        helper.make_node("Slice", ["placed", "first", "second", "second"], ["root"]),
        helper.make_node("Sub", ["placed", "root"], ["joints_mm"]),
        helper.make_node("ReduceMax", ["joints_mm", "axes"], ["spread_mm"], keepdims=0),
        helper.make_node("Sigmoid", ["spread_mm"], ["seen"]),
        helper.make_node("Unsqueeze", ["joints_mm", "hypothesis"], ["several"]),
        helper.make_node("Reshape", ["noise", "noise_shape"], ["scale"]),
        helper.make_node("Mul", ["several", "scale"], ["hypotheses_mm"]),
    ]
    sizes = {"joints_mm": (17, 3), "spread_mm": (17,), "seen": (17,), "hypotheses_mm": (3, 17, 3)}
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", *size)) for name, size in _LIVE_INPUTS.items()
    ]
    inputs.append(helper.make_tensor_value_info("noise", TensorProto.FLOAT, (3, 1)))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", *size)) for name, size in sizes.items()]
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    made = helper.make_graph(nodes, "live", inputs, outputs, stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def live_of_world() -> onnx.ModelProto:
    """The inputs of a live model; its joints are the first seventeen world landmarks that it is told of, in mm."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", *size)) for name, size in _LIVE_INPUTS.items()
    ]
    inputs.append(helper.make_tensor_value_info("noise", TensorProto.FLOAT, (1, 2)))
    weights = {"low": [0, 3], "high": [17, 6], "axes": [1, 2]}
    stored = [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in weights.items()]
    stored.append(numpy_helper.from_array(np.array([1000], np.float32), "mm"))
    nodes = [
        helper.make_node("Slice", ["points", "low", "high", "axes"], ["metres"]),
        helper.make_node("Mul", ["metres", "mm"], ["joints_mm"]),
    ]
    outputs = [helper.make_tensor_value_info("joints_mm", TensorProto.FLOAT, ("batch", 17, 3))]
    made = helper.make_graph(nodes, "live", inputs, outputs, stored)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
