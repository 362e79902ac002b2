"""Everybody of the evidence in one frame, to be cut out again."""

from __future__ import annotations

import numpy as np
import pytest

from engine.blazepose.warp import cut
from engine.body.crop import Region, transformed
from engine.build.evidence import Evidence
from engine.build.side_by_side import side_by_side

CORNERS = [[-0.5, -0.5], [255.5, -0.5], [255.5, 255.5], [-0.5, 255.5]]


@pytest.mark.parametrize(("frame_wh", "people"), [((1280, 720), 9), ((640, 480), 1), ((480, 640), 5), ((64, 64), 18)])
def test_nobody_reaches_into_another(evidence: Evidence, frame_wh: tuple[int, int], people: int) -> None:
    crops = [evidence.crops[number % len(evidence.crops)] for number in range(people)]
    frame, maps = side_by_side(crops, frame_wh)
    assert frame.shape == (frame_wh[1], frame_wh[0], 3) and maps.shape == (people, 2, 3)
    squares = np.stack([transformed(CORNERS, frame_from_crop) for frame_from_crop in maps])
    assert squares.min() > -0.5 and (squares.max(axis=(0, 1)) < np.array(frame_wh) - 0.5).all()
    for one in range(people):
        for other in range(one):
            apart = np.maximum(squares[one].min(axis=0), squares[other].min(axis=0)) - np.minimum(
                squares[one].max(axis=0), squares[other].max(axis=0)
            )
            assert apart.max() > 0, (one, other)


def test_what_is_cut_out_again_looks_as_before(evidence: Evidence) -> None:
    frame, maps = side_by_side(evidence.crops, (1280, 720))
    for crop, frame_from_crop in zip(evidence.crops, maps, strict=True):
        side_px = float(np.hypot(*frame_from_crop[:, 0])) * 256
        angle = float(np.arctan2(frame_from_crop[1, 0], frame_from_crop[0, 0]))
        (x, y) = transformed([127.5, 127.5], frame_from_crop)
        again, _ = cut(frame, Region((float(x), float(y)), side_px, angle), 256)
        assert np.abs(again.astype(int) - crop.image_rgb).mean() < 2
