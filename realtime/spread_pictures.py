"""Pictures of people for judging engines, from anything that can be played as a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.build.build_error import BuildError
from realtime.frame import Frame
from realtime.sources import SourceOptions, open_source

PICTURES = 9
"""Spread evenly over the recording."""
_PATIENCE_S = 5.0


def spread_pictures(source: str, count: int = PICTURES) -> list[NDArray[np.uint8]]:
    """(height, width, 3) pictures of a video, image directory, glob or `demo`; a live source is refused."""
    return _pictures(source, lambda index, stride: index % stride == 0, count, stride_for=count)


def pictures_between(source: str, count: int = PICTURES) -> list[NDArray[np.uint8]]:
    """Two from between each pair of neighbours among `spread_pictures` of the same count, evenly spaced.

    BuildError where the recording has no pictures between them.
    """

    def lies_between(index: int, stride: int) -> bool:
        return index % stride in {stride // 3, 2 * stride // 3} - {0}

    kept = _pictures(source, lies_between, 2 * count, stride_for=count)
    if not kept:
        raise BuildError(
            f"--crops {source}: 8 bits are calibrated on other pictures than the {count} that parity is measured on, "
            f"and there are no others; give a longer recording"
        )
    return kept


def _pictures(
    source: str, wanted: Callable[[int, int], bool], most: int, *, stride_for: int
) -> list[NDArray[np.uint8]]:
    recording = open_source(source, SourceOptions(pace="max"))
    if recording.live:
        raise BuildError(f"--crops {source}: parity is measured on a recording; give a video or a directory of images")
    kept: list[NDArray[np.uint8]] = []
    with recording:
        stride = max((recording.frame_count or stride_for) // stride_for, 1)
        while len(kept) < most:
            match recording.read(_PATIENCE_S):
                case None:
                    break
                case Frame(index=index, image_rgb=image_rgb) if wanted(index, stride):
                    kept.append(image_rgb)
                case _:
                    continue
    return kept
