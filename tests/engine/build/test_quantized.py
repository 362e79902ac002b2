"""Pairs stand at the chosen products only, and what a CPU makes of them is arithmetic on 8 bits."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from small_graphs import graph_of, two_layers

from engine.build.calibration import calibrated, ready_to_quantize
from engine.build.parity import outputs_of
from engine.build.precision import MARK, Precision, converted, narrowed_share
from engine.build.quantized import Quantized, half_steps
from engine.build.rounding import rounding_in_single

RNG = np.random.default_rng(1)
X = RNG.normal(size=(5, 8)).astype(np.float32)
KINDS = {Precision.INT8: TensorProto.INT8, Precision.FP8: TensorProto.FLOAT8E4M3FN}


def small(precision: Precision = Precision.INT8, model: onnx.ModelProto | None = None) -> Quantized:
    return Quantized.of(model or two_layers(), precision, {"x": X})


def convolution_and_sum() -> onnx.ModelProto:
    """y = conv(x) + x, with a bias."""
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Add", ["c", "x"], ["y"])]
    weights = {"w": RNG.normal(size=(4, 4, 1, 1)).astype(np.float32), "b": RNG.normal(size=4).astype(np.float32)}
    return graph_of(nodes, weights, given=("batch", 4, 3, 3), rank=4)


@pytest.mark.parametrize("precision", KINDS)
def test_pairs_stand_at_the_chosen_products_only(precision: Precision) -> None:
    quantized = small(precision)
    assert set(quantized.places) == {"a", "y"}
    assert not [node for node in quantized.with_pairs_at([]).graph.node if "Linear" in node.op_type]
    model = quantized.with_pairs_at(["y"])
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node].count("QuantizeLinear") == 1
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert kinds["w1"] == TensorProto.FLOAT and "w2" not in kinds and KINDS[precision] in kinds.values()
    assert model.graph.input == two_layers().graph.input and model.graph.output == two_layers().graph.output


def test_biases_and_sums_are_not_quantized() -> None:
    x = RNG.normal(size=(2, 4, 3, 3)).astype(np.float32)
    quantized = Quantized.of(convolution_and_sum(), Precision.INT8, {"x": x})
    model = quantized.with_pairs_at(quantized.places)
    convolution, addition = (node for node in model.graph.node if node.op_type in ("Conv", "Add"))
    assert convolution.input[2] == "b" and list(addition.input) == ["c", "x"]
    assert quantized.places["c"].weight_ranges.shape == (4,), "one step per channel"


@pytest.mark.parametrize("precision", KINDS)
def test_what_the_gate_runs_is_what_unoptimised_pairs_give(precision: Precision) -> None:
    quantized = small(precision)
    model = quantized.with_pairs_at(quantized.places)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = 3 * X  # beyond what was seen: cut off
    (expected,) = plain.run(None, {"x": x})
    spelled = outputs_of(rounding_in_single(model, precision), {"x": x})["y"]
    np.testing.assert_allclose(spelled, expected, rtol=1e-5, atol=1e-5)
    exact = outputs_of(two_layers(), {"x": x})["y"]
    assert np.abs(spelled - exact).max() > 1e-2, "the pairs are not folded away"


def test_the_sums_are_those_of_8_bit_integers() -> None:
    quantized = small()
    place = quantized.places["a"]
    step, steps = half_steps(np.array(place.activation_range / 127)), half_steps(place.weight_ranges / 127)
    weights = numpy_helper.to_array(next(each for each in two_layers().graph.initializer if each.name == "w1"))
    integers = _int8(X / step) @ _int8(weights / steps)
    second = next(each for each in two_layers().graph.initializer if each.name == "w2")
    expected = np.maximum(integers * (step * steps), 0) @ numpy_helper.to_array(second)
    found = outputs_of(rounding_in_single(quantized.with_pairs_at(["a"]), Precision.INT8), {"x": X})["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def _int8(numbers: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.clip(np.rint(numbers), -128, 127).astype(np.int32)


@pytest.mark.parametrize("turned", [0, 1])
def test_channels_of_a_gemm_lie_along_its_outputs(turned: int) -> None:
    """Columns of very different size stay apart: with one step for all the small one would be nothing."""
    weights = RNG.normal(size=(8, 3)).astype(np.float32) * np.array([100, 1, 0.01], np.float32)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], transB=turned)]
    model = graph_of(nodes, {"w": weights.T.copy() if turned else weights}, given=("batch", 8))
    quantized = small(model=model)
    assert quantized.places["y"].weight_ranges.shape == (3,)
    found = outputs_of(rounding_in_single(quantized.with_pairs_at(["y"]), Precision.INT8), {"x": X})["y"]
    assert (np.abs(found - X @ weights).max(axis=0) < 0.05 * np.abs(X @ weights).max(axis=0)).all()


def test_what_moves_by_less_than_the_rounding_moves_nothing() -> None:
    quantized = small()
    step = float(half_steps(np.array(quantized.places["a"].activation_range / 127)))
    model = rounding_in_single(quantized.with_pairs_at(["a"]), Precision.INT8)
    x = (np.rint(X / step) * step).astype(np.float32)
    moved = x + np.float32(0.4 * step)
    assert np.array_equal(outputs_of(model, {"x": x})["y"], outputs_of(model, {"x": moved})["y"])


def test_float8_is_rounded_and_cut_off_as_its_definition_says() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    x = np.concatenate([RNG.normal(size=(6, 8)) * 10.0**power for power in range(-4, 3)]).astype(np.float32)
    quantized = Quantized.of(
        graph_of(nodes, {"w": np.eye(8, dtype=np.float32)}, given=("batch", 8)), Precision.FP8, {"x": x}
    )
    step = half_steps(np.array(quantized.places["y"].activation_range / 448))
    model = rounding_in_single(quantized.with_pairs_at(["y"]), Precision.FP8)
    one = float(half_steps(np.array(1 / 448))) * 448  # the weight after rounding
    expected = np.clip(2 * x / step, -448, 448).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) * step
    np.testing.assert_allclose(outputs_of(model, {"x": 2 * x})["y"], expected * one, rtol=0.07, atol=1e-6)
    assert np.abs(outputs_of(model, {"x": 2 * x})["y"]).max() <= 448 * step * one * 1.07


def test_the_rest_is_in_half_precision_and_nothing_stands_between_pair_and_product() -> None:
    quantized = small()
    model = converted(quantized.with_pairs_at(quantized.places), Precision.INT8)
    onnx.checker.check_model(model, full_check=True)
    assert narrowed_share(model) == (3, 3)
    made_by = {node.output[0]: node.op_type for node in model.graph.node}
    products = [node for node in model.graph.node if node.op_type == "MatMul"]
    assert {made_by[name] for node in products for name in node.input} == {"DequantizeLinear"}
    assert all(name.endswith(MARK) for node in products for name in node.input)


def test_weights_of_nothing_have_a_step_too() -> None:
    """TensorRT refuses a step of zero, and BlazePose has channels that are almost nothing."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    weights = np.array([1, 1e-9, 0, -1e-5], np.float32).reshape(4, 1, 1, 1) * np.ones((1, 4, 1, 1), np.float32)
    x = RNG.normal(size=(2, 4, 3, 3)).astype(np.float32)
    quantized = Quantized.of(
        graph_of(nodes, {"w": weights}, given=("batch", 4, 3, 3), rank=4), Precision.INT8, {"x": x}
    )
    model = converted(quantized.with_pairs_at(["y"]), Precision.INT8)
    steps = [numpy_helper.to_array(each) for each in model.graph.initializer if ".step" in each.name]
    assert all((each > 0).all() and np.isfinite(each).all() for each in steps)


@given(st.lists(st.floats(0, 6e4), min_size=1))
def test_steps_are_the_next_larger_halves(steps: list[float]) -> None:
    given_steps = np.array(steps)
    found = half_steps(given_steps)
    assert (found >= given_steps).all() and (found > 0).all()
    assert np.array_equal(found.astype(np.float16).astype(np.float32), found)
    assert (found <= np.maximum(given_steps * (1 + 2**-10), 2**-13)).all()


def test_the_quantizer_leaves_the_graph_alone() -> None:
    model = ready_to_quantize(two_layers())
    before = model.SerializeToString()
    calibrated(model, {"x": X})
    assert model.SerializeToString() == before
