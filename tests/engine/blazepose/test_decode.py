"""Laws of the detector's decoding: anchors, thresholds, merging, and the way back to the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.blazepose.anchors import anchor_centres
from engine.blazepose.decode import Detections, decoded, in_frame, merged
from engine.blazepose.regions import shown_to_detector


def raw(count: int = 2254, score: float = -20.0) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((count, 12), np.float32), np.full((count, 1), score, np.float32)


def test_anchors_are_the_centres_of_the_cells() -> None:
    centres = anchor_centres()
    assert centres.shape == (2254, 2) and centres.dtype == np.float32
    np.testing.assert_allclose(centres[0], [0.5 / 28, 0.5 / 28])
    np.testing.assert_allclose(centres[2], [1.5 / 28, 0.5 / 28])  # two anchors in a cell, x runs first
    np.testing.assert_allclose(centres[28 * 28 * 2], [0.5 / 14, 0.5 / 14])
    np.testing.assert_allclose(centres[-1], [6.5 / 7, 6.5 / 7])
    assert not centres.flags.writeable


def test_a_box_is_relative_to_its_anchor() -> None:
    boxes, scores = raw()
    row = 700
    boxes[row] = [22.4, -22.4, 44.8, 67.2, 112, 0, 0, 112, 1, 2, 3, 4]
    scores[row] = 0
    found = decoded(boxes, scores)
    x, y = anchor_centres()[row]
    assert len(found) == 1 and found.scores[0] == 0.5
    np.testing.assert_allclose(found.boxes_xyxy[0], [x, y - 0.25, x + 0.2, y + 0.05], atol=1e-6)
    np.testing.assert_allclose(found.points[0, :2], [[x + 0.5, y], [x, y + 0.5]], atol=1e-6)


def test_best_score_comes_first_and_weak_ones_are_left_out() -> None:
    boxes, scores = raw()
    scores[[5, 50, 500], 0] = [1.0, 3.0, -0.1]
    found = decoded(boxes, scores)
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-3.0, -1.0])), rtol=1e-6)
    assert len(decoded(boxes, scores, min_score=0.4)) == 3
    assert len(decoded(*raw())) == 0


def test_huge_logits_stay_finite() -> None:
    boxes, scores = raw(score=1e30)
    assert np.isfinite(decoded(boxes, scores).scores).all()


@pytest.mark.parametrize("shape", [(2254, 11), (100, 12)])
def test_wrong_shape_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"expected boxes \(2254, 12\)"):
        decoded(np.zeros(shape, np.float32), np.zeros((2254, 1), np.float32))


def detections(*people: tuple[float, float, float]) -> Detections:
    """(score, x, y) of faces a tenth wide."""
    scores, x, y = np.array(people, np.float32).reshape(-1, 3).T
    boxes = np.stack([x - 0.05, y - 0.05, x + 0.05, y + 0.05], axis=1)
    points = np.repeat(np.stack([x, y], axis=1)[:, None], 4, axis=1)
    return Detections(scores, boxes, points)


def test_overlapping_faces_are_one_person_averaged_by_score() -> None:
    found = merged(detections((0.9, 0.30, 0.5), (0.8, 0.7, 0.5), (0.6, 0.31, 0.5), (0.5, 0.72, 0.5)))
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    np.testing.assert_allclose(found.points[:, 0, 0], [(0.9 * 0.30 + 0.6 * 0.31) / 1.5, (0.8 * 0.7 + 0.5 * 0.72) / 1.3])


def test_nobody_stays_nobody() -> None:
    assert len(merged(decoded(*raw()))) == 0


@given(st.lists(st.tuples(st.floats(0.5, 1), st.floats(0, 1), st.floats(0, 1)), max_size=12))
def test_merging_leaves_no_overlap_above_the_limit_with_a_better_seed(people: list[tuple[float, float, float]]) -> None:
    people.sort(reverse=True)
    given_ones = detections(*people)
    found = merged(given_ones)
    assert len(found) <= len(given_ones)
    assert set(found.scores.tolist()) <= set(given_ones.scores.tolist())
    assert (len(found) == 0) == (len(given_ones) == 0)


def test_the_picture_middle_is_the_frame_middle() -> None:
    frame_from_crop = shown_to_detector((640, 360), 1280).frame_from_crop(224)
    found = in_frame(detections((0.9, 0.5, 0.5)), frame_from_crop)
    np.testing.assert_allclose(found.points[0, 0], [640, 360], atol=1e-3)
    corner = in_frame(detections((0.9, 0.0, 0.0)), frame_from_crop)
    np.testing.assert_allclose(corner.points[0, 0], [0, -280], atol=1e-3)  # 280 px of black above a wide frame
    width = np.diff(found.boxes_xyxy[0, [0, 2]])
    np.testing.assert_allclose(width, 128, rtol=1e-4)
