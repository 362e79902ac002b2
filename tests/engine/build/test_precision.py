"""A converted graph keeps its names and its inputs and outputs in fp32, and computes the same but for rounding."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_graphs import graph_of, large_difference, two_layers

from engine.build.build_error import BuildError
from engine.build.parity import outputs_of
from engine.build.precision import MARK, Precision, converted, narrowed_share
from engine.build.rounding import rounding_in_single

X = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)


def test_fp32_is_the_graph_itself() -> None:
    model = two_layers()
    assert converted(model, Precision.FP32) == model


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.MIXED])
def test_borders_stay_single_and_everything_between_is_half(precision: Precision) -> None:
    model = two_layers()
    narrow = converted(model, precision)
    onnx.checker.check_model(narrow, full_check=True)
    assert narrow.graph.input == model.graph.input and narrow.graph.output == model.graph.output
    assert {tensor.data_type for tensor in narrow.graph.initializer} == {TensorProto.FLOAT16}
    assert narrowed_share(narrow) == (3, 3)
    assert [node.op_type for node in narrow.graph.node].count("Cast") == 2, "once at each border"
    expected = outputs_of(model, {"x": X})["y"]
    np.testing.assert_allclose(outputs_of(narrow, {"x": X})["y"], expected, rtol=0.02, atol=0.02)


def test_kept_operations_compute_in_single() -> None:
    narrow = converted(two_layers(), Precision.FP16, kept_single={"b"})
    onnx.checker.check_model(narrow, full_check=True)
    assert narrowed_share(narrow) == (2, 3)
    assert [list(node.output) for node in narrow.graph.node if node.op_type == "Relu"] == [["b"]]


def test_weights_outside_of_half_precision_stay_finite() -> None:
    nodes = [helper.make_node("Mul", ["x", "w"], ["y"])]
    model = graph_of(nodes, {"w": np.array([1e9, -1e9, 1, np.inf], np.float32)}, given=("batch", 4))
    stored = numpy_helper.to_array(converted(model, Precision.FP16).graph.initializer[0])
    assert stored.tolist() == [65504, -65504, 1, np.inf]


def test_weights_that_were_stored_in_half_need_no_cast() -> None:
    nodes = [
        helper.make_node("Cast", ["w.half"], ["w"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = graph_of(nodes, {"w.half": np.eye(8, dtype=np.float16)}, given=("batch", 8))
    narrow = converted(model, Precision.FP16)
    assert [tensor.name for tensor in narrow.graph.initializer] == ["w" + MARK]
    np.testing.assert_allclose(outputs_of(narrow, {"x": X})["y"], X, atol=2e-3)


def test_what_is_no_float_stays_as_it_is() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Shape", ["r"], ["size"]),
        helper.make_node("Reshape", ["r", "size"], ["y"]),
    ]
    narrow = converted(graph_of(nodes, {}, given=("batch", 8)), Precision.FP16)
    onnx.checker.check_model(narrow, full_check=True)
    assert outputs_of(narrow, {"x": X})["y"].shape == X.shape


def test_a_graph_within_the_graph_is_refused() -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["z"])], "body", [], [helper.make_tensor_value_info("z", 1, None)]
    )
    nodes = [helper.make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body)]
    model = graph_of(nodes, {"yes": np.array(True)}, given=("batch", 8))
    with pytest.raises(BuildError, match="If .*--precision fp32"):
        converted(model, Precision.FP16)


@pytest.mark.parametrize(("precision", "digits"), [(Precision.FP16, 11), (Precision.BF16, 8)])
def test_rounding_leaves_so_many_digits(precision: Precision, digits: int) -> None:
    """Law: the imitation is what the narrow type computes, operation by operation."""
    model = large_difference()
    found = outputs_of(rounding_in_single(converted(model, precision), precision), {"x": X})["y"]
    exact = outputs_of(model, {"x": X})["y"]
    step = 2.0 ** (np.ceil(np.log2(np.abs(1001 * X).max())) - digits)
    error = np.abs(found - exact).max()
    assert 0.1 * step < error < 4 * step


def test_rounding_keeps_the_borders() -> None:
    model = converted(two_layers(), Precision.BF16)
    rounded = rounding_in_single(model, Precision.BF16)
    assert rounded.graph.input == model.graph.input and rounded.graph.output == model.graph.output
    assert {tensor.data_type for tensor in rounded.graph.initializer} == {TensorProto.FLOAT}
