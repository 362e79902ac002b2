"""As many products as hold, those that cost least for their multiply-adds first; none that nobody looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from small_graphs import graph_of, stored, two_layers

from engine.build.multiply_adds import multiply_adds
from engine.build.onnx_file import read_onnx
from engine.build.parity import Measure, ParityGate
from engine.build.precision import Precision
from engine.build.product_choice import cheapest_first, most_within, used_up
from engine.build.quantized import Quantized
from engine.runtime.plan_card import ParityCard

RNG = np.random.default_rng(3)


def card(mean: float, worst: float) -> ParityCard:
    return ParityCard("values", "mm", mean, worst, 1.0, 10.0, 2)


def test_the_largest_part_of_a_limit_counts() -> None:
    assert used_up([card(0.5, 2.0), card(0.1, 9.0)]) == 0.9


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.01, 3))
def test_the_longest_beginning_that_holds(costs: list[float], share: float) -> None:
    names = tuple(f"t{index}" for index in range(len(costs)))

    def found_by(chosen: tuple[str, ...]) -> list[ParityCard]:
        return [card(sum(costs[: len(chosen)]), 0.0)]

    held = most_within(share, names, found_by)
    assert held == names[: len(held)] and sum(costs[: len(held)]) <= share
    assert len(held) == len(names) or sum(costs[: len(held) + 1]) > share


def test_multiply_adds_of_products() -> None:
    assert multiply_adds(two_layers(), {"x": np.zeros((5, 8), np.float32)}) == {"a": 8 * 16, "y": 16 * 3}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], group=2, strides=[2, 2])]
    weights = {"w": np.zeros((4, 1, 3, 3), np.float32)}
    grouped = graph_of(nodes, weights, given=("batch", 2, 7, 7), rank=4)
    assert multiply_adds(grouped, {"x": np.zeros((3, 2, 7, 7), np.float32)}) == {"y": 4 * 9 * 9}


def test_what_the_gate_does_not_see_gets_no_8_bits(tmp_path: Path) -> None:
    """x @ small + x @ large: the large part costs more. A third product feeds an output that no measure looks at."""
    nodes = [
        helper.make_node("MatMul", ["x", "small"], ["s"]),
        helper.make_node("MatMul", ["x", "large"], ["l"]),
        helper.make_node("MatMul", ["x", "other"], ["unseen"]),
        helper.make_node("Add", ["s", "l"], ["y"]),
    ]
    weights = {name: RNG.normal(size=(8, 4)).astype(np.float32) for name in ("small", "large", "other")}
    weights["large"] *= 1000
    model = graph_of(nodes, weights, given=("batch", 8))
    model.graph.output.append(helper.make_tensor_value_info("unseen", 1, ["batch", 4]))
    graph = read_onnx(stored(model, tmp_path / "sum.onnx"))
    inputs = {"x": RNG.normal(size=(4, 8)).astype(np.float32)}
    gate = ParityGate(graph, inputs, [Measure("values", "mm", 1.0, 10.0, lambda found, _: found["y"][..., None])])
    quantized = Quantized.of(model, Precision.INT8, inputs)
    assert set(quantized.places) == {"s", "l", "unseen"}
    assert cheapest_first(quantized, gate, multiply_adds(model, inputs)) == ("s", "l")
