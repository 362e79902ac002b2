"""The share of steps lies in 0..1 and never falls, however phases nest and repeat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.build.build_progress import PhaseTree

EVENTS = st.lists(
    st.tuples(st.sampled_from(["start", "step", "finish"]), st.integers(0, 3), st.integers(0, 5)), max_size=60
)


@given(EVENTS)
def test_it_never_falls(events: list[tuple[str, int, int]]) -> None:
    tree, before = PhaseTree(), 0.0
    for kind, phase, number in events:
        match kind:
            case "start":
                tree.start(str(phase), str(phase - 1) if phase else None, number)
            case "step":
                tree.step(str(phase), number)
            case _:
                tree.finish(str(phase))
        fraction = tree.progress(str(phase)).fraction
        assert before <= fraction <= 1
        before = fraction


def test_a_child_fills_its_parents_step_and_time_left_follows() -> None:
    seconds = iter([0.0, 10.0, 10.0, 20.0, 20.0])
    tree = PhaseTree(now_s=lambda: next(seconds, 20.0))
    tree.start("all", None, 4)
    tree.step("all", 0)
    tree.start("part", "all", 2)
    tree.step("part", 0)
    progress = tree.progress("part")
    assert progress.fraction == (1 + 0.5) / 4
    assert progress.left_s is not None and progress.left_s > 0
