"""Frames in memory become poses: how many are held, and what is counted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.runtime.networks import OnnxRuntimeNetworks
from realtime import pipeline_bench
from realtime.config import LineConfig
from realtime.pipeline_bench import pipeline_times


def test_frames_in_memory_become_poses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    times = pipeline_times("demo", 12, "blazepose", config=LineConfig(threads=1), networks=OnnxRuntimeNetworks())
    assert times.frames == times.total_ms.count == 12 and times.persons > 0.5
    assert {"find", "estimate", "smooth"} <= set(times.stage_ms)
    assert times.total_ms.p50 is not None and times.total_ms.p50 >= (times.stage_ms["estimate"].p50 or 0)
    monkeypatch.setattr(pipeline_bench, "MOST_BYTES", 3 * 640 * 480 * 3 - 1)
    few = pipeline_times("demo", 12, "blazepose", config=LineConfig(threads=1), networks=OnnxRuntimeNetworks())
    assert few.frames == 3
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros((48, 64, 3), np.uint8))
    once = pipeline_times(str(tmp_path), 12, "blazepose", config=LineConfig(threads=1), networks=OnnxRuntimeNetworks())
    assert once.frames == 4 and once.persons == 0
