"""The detector on a real photograph, placed near, far and twice."""

import cv2
import numpy as np
import pytest
import skimage.data

from engine.blazepose.networks import detector_onnx
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime import windows
from realtime.detector import PersonDetector
from realtime.frame import Frame
from realtime.stages import StageClock


@pytest.fixture(scope="module")
def detect(networks_dir):
    with OnnxRuntimeBackend(detector_onnx()) as backend:
        yield PersonDetector(backend, min_score=0.5, clock=StageClock())


def scene(*places, size_wh=(1280, 512), side=512):
    """Grey, with the photograph in squares of `side` at these left edges."""
    picture = np.full((size_wh[1], size_wh[0], 3), 110, np.uint8)
    small = cv2.resize(skimage.data.astronaut(), (side, side), interpolation=cv2.INTER_AREA)
    for left in places:
        picture[-side:, left : left + side] = small
    return Frame(0, 0, picture, 0.0)


def test_two_people_are_two_detections_at_their_places(detect):
    found = detect(scene(0, 700), [windows.whole((1280, 512))])
    assert sorted(round(one.trunk_px[1, 0] / 100) for one in found) == [2, 9]


def test_one_person_in_two_windows_is_found_once(detect):
    frame = scene(400)
    each = [detect(frame, [window]) for window in (windows.whole(frame.size_wh), *windows.coarse_tiles(frame.size_wh))]
    seen_in = [found for found in each if any(_is_there(one) for one in found)]
    assert len(seen_in) >= 2  # else this proves nothing
    together = detect(frame, [windows.whole(frame.size_wh), *windows.coarse_tiles(frame.size_wh)])
    assert sum(_is_there(one) for one in together) == 1


def _is_there(one):
    """Upright, at the photograph's place: a tile's border can add a false one elsewhere, which no pose confirms."""
    return abs(one.trunk_px[1, 0] - 610) < 60 and abs(one.region.angle_rad) < 1


def test_a_far_person_is_found_on_tiles_at_the_same_place(detect):
    frame = scene(1500, size_wh=(2400, 500), side=220)
    assert detect(frame, [windows.whole(frame.size_wh)]) == []
    [found] = detect(frame, windows.coarse_tiles(frame.size_wh))
    shoulders = found.trunk_px[1]
    assert abs(shoulders[0] - (1500 + 220 * 0.45)) < 30
    assert abs(shoulders[1] - (280 + 220 * 0.5)) < 60


def test_windows_over_the_border_are_fine_and_grey_has_nobody(detect):
    frame = scene()
    assert detect(frame, [windows.around((0.0, 0.0), 400), windows.around((5000.0, 5000.0), 100)]) == []
