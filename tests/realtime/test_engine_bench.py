"""Times of networks alone: what is counted, and that warming up is not."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from engine.runtime.backend import Arrays, TensorInfo
from engine.runtime.fused_inputs import FRAME, PLACE_PARTS
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


def test_a_graph_that_cuts_reads_people_from_all_over_the_frame() -> None:
    """Drawn numbers would all be places in one corner of the frame, which a cache holds."""

    class Cutting(Slow):
        inputs = (
            TensorInfo(FRAME, (1, 720, 1280, 3), "uint8"),
            TensorInfo(PLACE_PARTS, ("batch", 2, 2, 256), "float32"),
        )

        def run(self, inputs: Arrays) -> dict[str, Any]:
            self.parts = inputs[PLACE_PARTS]
            return super().run(inputs)

    cutting = Cutting()
    list(timed(cutting, (16,), runs=1))  # type: ignore[arg-type]
    assert cutting.seen[-1] == {FRAME: (1, 720, 1280, 3), PLACE_PARTS: (16, 2, 2, 256)}
    columns, rows = (parts[:, 0, :, None] + parts[:, 1, None, :] for parts in np.moveaxis(cutting.parts, 1, 0))
    assert np.ptp(columns, axis=(1, 2)).min() > 500 and np.ptp(rows, axis=(1, 2)).min() > 500
    inside = (columns >= 0) & (columns < 1280) & (rows >= 0) & (rows < 720)
    assert inside.mean() > 0.4 and np.ptp(columns.mean(axis=(1, 2))) > 640


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
