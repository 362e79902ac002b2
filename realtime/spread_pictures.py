"""Pictures of people for judging engines, from anything that can be played as a file."""

from __future__ import annotations

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
    recording = open_source(source, SourceOptions(pace="max"))
    if recording.live:
        raise BuildError(f"--crops {source}: parity is measured on a recording; give a video or a directory of images")
    kept: list[NDArray[np.uint8]] = []
    with recording:
        stride = max((recording.frame_count or count) // count, 1)
        while len(kept) < count:
            match recording.read(_PATIENCE_S):
                case None:
                    break
                case Frame(index=index, image_rgb=image_rgb) if index % stride == 0:
                    kept.append(image_rgb)
                case _:
                    continue
    return kept
