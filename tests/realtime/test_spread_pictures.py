"""Pictures to judge by and pictures to calibrate on are of one recording and never the same."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.build.build_error import BuildError
from realtime.spread_pictures import pictures_between, spread_pictures


def numbered(directory: Path, count: int) -> str:
    """So many pictures, each of one grey level, its number."""
    for number in range(count):
        cv2.imwrite(str(directory / f"{number:04}.png"), np.full((8, 8, 3), number, np.uint8))
    return str(directory)


@pytest.mark.parametrize("count", [2, 6, 7, 18, 40])
def test_they_are_apart_and_cover_the_recording(tmp_path: Path, count: int) -> None:
    source = numbered(tmp_path, count)
    judged = [int(picture[0, 0, 0]) for picture in spread_pictures(source, 2)]
    between = [int(picture[0, 0, 0]) for picture in pictures_between(source, 2)] if count > 3 else []
    assert len(judged) == 2 and not set(judged) & set(between)
    assert count <= 3 or (len(between) >= 2 and max(between) > count / 2 > min(between))


def test_a_recording_without_pictures_between_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="--crops .*there are no others; give a longer recording"):
        pictures_between(numbered(tmp_path, 2), 2)
