"""Times of networks alone: what is counted, and that warming up is not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.runtime.backend import Arrays, TensorInfo
from engine.runtime.networks import OnnxRuntimeNetworks
from realtime import engine_bench
from realtime.config import LineConfig
from realtime.engine_bench import WARM_UP_RUNS, engine_times, timed


class Slow:
    """The first runs take 20 ms, later ones next to nothing."""

    inputs = (TensorInfo("x", ("batch", 2), "float32"), TensorInfo("noise", (5,), "float16"))

    def __init__(self) -> None:
        self.seen: list[dict[str, tuple[int, ...]]] = []

    def run(self, inputs: Arrays) -> dict[str, Any]:
        self.seen.append({name: array.shape for name, array in inputs.items()})
        time.sleep(0.02 if len(self.seen) <= 2 else 0)
        return {}


def test_warming_up_is_not_counted_and_only_open_axes_count_persons() -> None:
    slow = Slow()
    ((persons, spent),) = timed(slow, (4,), runs=7)  # type: ignore[arg-type]
    assert persons == 4 and spent.count == 7 and spent.p99 is not None and spent.p99 < 10
    assert len(slow.seen) == WARM_UP_RUNS + 7
    assert slow.seen[0] == {"x": (4, 2), "noise": (5,)}


def test_every_graph_is_timed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_bench, "WARM_UP_RUNS", 1)
    rows = engine_times("di2pose", LineConfig(threads=1), OnnxRuntimeNetworks(), runs=2)
    assert [(row.graph, row.persons) for row in rows] == [
        ("detector", 1),
        ("landmark", 1),
        ("landmark", 4),
        ("live", 1),
        ("live", 4),
    ]
    assert all(row.backend == "onnxruntime on cpu" and row.ms.p50 and row.ms.count == 2 for row in rows)
