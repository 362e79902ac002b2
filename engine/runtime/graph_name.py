"""What graphs are called. `fused-1280x720` is the fused graph that cuts its crops out of frames of that size itself."""

from __future__ import annotations

import re

FUSED = "fused"
LANDMARK_FULL = "landmark_full"
"""What `--estimator blazepose` runs; `landmark` is the heavy network that the live model reads."""

SizeWh = tuple[int, int]


def framed(frame_wh: SizeWh) -> str:
    """The name of the fused graph that takes frames of this size."""
    return f"{FUSED}-{frame_wh[0]}x{frame_wh[1]}"


def frame_of(name: str) -> SizeWh | None:
    """Width and height of the frames that a graph of this name takes; None where it takes none."""
    match = re.fullmatch(rf"{FUSED}-([1-9][0-9]*)x([1-9][0-9]*)", name)
    return None if match is None else (int(match[1]), int(match[2]))


def kind_of(name: str) -> str:
    """`detector`, `landmark`, `live`, `fused` or `landmark_full`, whose outputs a graph of this name has."""
    return FUSED if frame_of(name) else name


def build_words(name: str) -> list[str]:
    """The options of `di2pose build` that ask for this graph."""
    frame_wh = frame_of(name)
    words = ["--graph", kind_of(name)]
    return words if frame_wh is None else [*words, "--frame", f"{frame_wh[0]}x{frame_wh[1]}"]
