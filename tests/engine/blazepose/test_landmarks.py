"""Laws of the landmark decoding: what the heatmap may move, and where."""

from __future__ import annotations

import numpy as np
import pytest

from engine.blazepose.landmarks import PEAKS, crop_landmarks, heat_peaks, refined


def cold() -> np.ndarray:
    return np.full((39, 64, 64), -30, np.float32)


def points(x: float, y: float) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (39, 1))


def loop_refined(points_px: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """The same written as the calculator's loop, point by point and cell by cell."""
    result = points_px.copy()
    for index, (x, y) in enumerate(points_px / 4):
        column, row = int(x), int(y)
        if not (0 <= column < 64 and 0 <= row < 64):
            continue
        total = weighted_x = weighted_y = best = 0.0
        for cell_y in range(max(0, row - 4), min(64, row + 5)):
            for cell_x in range(max(0, column - 4), min(64, column + 5)):
                heat = 1 / (1 + np.exp(-float(heatmap[index, cell_y, cell_x])))
                total, best = total + heat, max(best, heat)
                weighted_x, weighted_y = weighted_x + heat * cell_x, weighted_y + heat * cell_y
        if best >= 0.5:
            result[index] = weighted_x / total * 4, weighted_y / total * 4
    return result


def test_agrees_with_the_loop_everywhere_in_the_crop_and_at_its_edges() -> None:
    generator = np.random.default_rng(0)
    heatmap = generator.normal(-3, 2, (39, 64, 64)).astype(np.float32)
    for _ in range(5):
        places = generator.uniform(4, 255, (39, 2)).astype(np.float32)
        places[:4] = [[0, 0], [255.9, 255.9], [0, 255.9], [130, 2]]
        np.testing.assert_allclose(refined(places, heatmap), loop_refined(places, heatmap), atol=1e-3)


def test_a_hot_cell_in_the_window_draws_the_point() -> None:
    heatmap = cold()
    heatmap[:, 30, 34] = 10  # row 30, column 34
    np.testing.assert_allclose(refined(points(130, 118), heatmap), points(136, 120), atol=1e-3)


@pytest.mark.parametrize(
    ("place", "logit"), [((130.0, 118.0), -0.1), ((100.0, 118.0), 10.0), ((-3.0, 118.0), 10.0), ((130.0, 300.0), 10.0)]
)
def test_unsure_far_or_outside_points_stay(place: tuple[float, float], logit: float) -> None:
    heatmap = cold()
    heatmap[:, 30, 34] = logit
    before = points(*place)
    np.testing.assert_array_equal(refined(before, heatmap), before)


def test_the_input_is_not_written_to() -> None:
    heatmap = cold()
    heatmap[:, 30, 34] = 10
    before = points(130, 118)
    refined(before, heatmap)
    np.testing.assert_array_equal(before, points(130, 118))


def test_peaks_are_the_hottest_places_that_are_apart() -> None:
    heatmap = cold()
    heatmap[:20, 30, 34], heatmap[:20, 30, 36], heatmap[:20, 10, 50] = 3, 2, 1
    found = heat_peaks(heatmap)
    assert found.shape == (33, PEAKS, 3)
    np.testing.assert_allclose(found[:20, 0], np.tile([136, 120, 1 / (1 + np.exp(-3))], (20, 1)), rtol=1e-5)
    np.testing.assert_allclose(found[:20, 1], np.tile([200, 40, 1 / (1 + np.exp(-1))], (20, 1)), rtol=1e-5)
    assert found[:20, 2, 2].max() < 1e-6 and found[20:, :, 2].max() < 1e-6
    assert heatmap[0, 30, 34] == 3


def test_a_peak_lies_between_the_cells_that_share_its_heat() -> None:
    heatmap = cold()
    heatmap[:, 30, 34], heatmap[:, 30, 35] = 5, 5
    np.testing.assert_allclose(heat_peaks(heatmap)[:, 0, :2], np.tile([138, 120], (33, 1)), rtol=1e-5)


def test_peaks_agree_with_a_search_cell_by_cell() -> None:
    heatmap = np.random.default_rng(0).normal(-3, 2, (39, 64, 64)).astype(np.float32)
    heatmap[:, 0, 63], heatmap[:, 63, 0] = 6, 5  # peaks in corners
    found = heat_peaks(heatmap)
    for point in range(33):
        left = heatmap[point].copy()
        for peak in found[point]:
            row, column = np.unravel_index(left.argmax(), left.shape)
            assert peak[2] == pytest.approx(1 / (1 + np.exp(-left[row, column])), rel=1e-5)
            assert np.abs(peak[:2] / 4 - [column, row]).max() <= 1
            left[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = -np.inf


def test_fields_of_a_row_of_the_batch() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0, 100, (2, 39, 5)).astype(np.float32)
    outputs = {
        "landmarks": values.reshape(2, 195),
        "heatmap": np.stack([cold(), cold()]),
        "world": generator.normal(size=(2, 117)).astype(np.float32),
        "presence": np.array([[0.25], [0.75]], np.float32),
    }
    found = crop_landmarks(outputs, 1)
    np.testing.assert_array_equal(found.points_px, values[1, :, :2])
    np.testing.assert_array_equal(found.depth_px, values[1, :, 2])
    assert ((found.visibility >= 0) & (found.visibility <= 1)).all() and np.isfinite(found.in_picture).all()
    assert (found.visibility > 0.5).tolist() == (values[1, :, 3] > 0).tolist()
    assert (found.in_picture > 0.5).tolist() == (values[1, :, 4] > 0).tolist()
    np.testing.assert_array_equal(found.world_m, outputs["world"][1].reshape(39, 3))
    assert found.presence == 0.75
    outputs["world"][:] = 0
    assert found.world_m.any()  # the answer owns its arrays
