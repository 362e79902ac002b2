"""Capture after one plain run, replay only what was captured for this very shape, forget everything after a failure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.graph_policy import GraphPolicy, Step

Runs = list[tuple[int, bool]]
"""Shape, and whether the run succeeds."""


def steps(policy: GraphPolicy, runs: Runs) -> list[Step]:
    made = []
    for shape, succeeds in runs:
        made.append(policy.step(shape))
        policy.succeeded(made[-1], shape) if succeeds else policy.failed()
    return made


def test_plain_capture_replay() -> None:
    assert steps(GraphPolicy(enabled=True), [(1, True)] * 4) == [Step.ENQUEUE, Step.CAPTURE, Step.REPLAY, Step.REPLAY]


def test_people_who_come_and_go_cost_no_capture() -> None:
    assert set(steps(GraphPolicy(enabled=True), [(1, True), (2, True)] * 5)) == {Step.ENQUEUE}


def test_disabled_is_plain_always() -> None:
    assert set(steps(GraphPolicy(enabled=False), [(1, True)] * 5)) == {Step.ENQUEUE}


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30))
def test_laws(runs: Runs) -> None:
    made = steps(GraphPolicy(enabled=True), runs)
    captured: int | None = None
    for index, (step, (shape, succeeds)) in enumerate(zip(made, runs, strict=True)):
        before = runs[index - 1] if index else (None, False)
        if step is Step.REPLAY:
            assert shape == captured
        if step is not Step.ENQUEUE:
            assert before == (shape, True), "the run before was of this shape and succeeded"
        if not succeeds or step is Step.ENQUEUE:
            captured = None
        elif step is Step.CAPTURE:
            captured = shape
