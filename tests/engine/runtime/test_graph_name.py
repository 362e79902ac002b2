"""A graph's name says what it takes, and the command that builds it."""

from __future__ import annotations

import pytest

from engine.runtime.graph_name import build_words, frame_of, framed, kind_of


@pytest.mark.parametrize("frame_wh", [(1280, 720), (1, 9), (640, 480)])
def test_frames_are_read_back_from_the_name(frame_wh: tuple[int, int]) -> None:
    name = framed(frame_wh)
    assert frame_of(name) == frame_wh and kind_of(name) == "fused"
    assert build_words(name) == ["--graph", "fused", "--frame", f"{frame_wh[0]}x{frame_wh[1]}"]


@pytest.mark.parametrize("name", ["detector", "fused", "fused-", "fused-0x1", "fused-1280x720x3", "live-1280x720", ""])
def test_other_names_are_themselves(name: str) -> None:
    assert frame_of(name) is None and kind_of(name) == name and build_words(name) == ["--graph", name]
