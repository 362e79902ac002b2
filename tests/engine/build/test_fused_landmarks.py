"""Landmarks read by ONNX operations are those that `engine.blazepose` reads, also where there is little to read."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_pieces import ran

from engine.blazepose import features
from engine.blazepose.landmarks import BODY_POINTS, PEAKS, POINTS, CropLandmarks, crop_landmarks
from engine.build.fused_landmarks import Landmarks, at_points, landmarks
from engine.build.graph_writer import GraphWriter

PX_LIMIT = 2e-4
"""Sums of single precision against sums of double: cells are counted to 64 with seven digits."""


def outputs(batch: int, *, seed: int = 0, mean: float = -6.0, spread: float = 4.0) -> dict[str, np.ndarray]:
    """What the landmark network may say; points lie also outside of the crop and on its border."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 4, (batch, POINTS, 5)).astype(np.float32)
    values[..., :2] = rng.uniform(-80, 336, (batch, POINTS, 2))
    values[0, :8, :2] = [[0, 0], [255, 255], [-0.5, 128], [256, 3], [255.9, 0], [-3.9, -3.9], [1e9, -1e9], [4, 252]]
    heatmap = rng.normal(mean, spread, (batch, POINTS, 64, 64)).astype(np.float32)
    for row in range(batch):
        for point in range(POINTS):  # a hot spot near the point
            column, line = np.clip(values[row, point, :2] / 4 + rng.normal(0, 2, 2), 0, 63).astype(int)
            heatmap[row, point, line, column] = 3.0
    world, presence = rng.normal(size=(batch, POINTS * 3)), rng.random((batch, 1))
    return {
        "landmarks": values.reshape(batch, -1),
        "heatmap": heatmap,
        "world": world.astype(np.float32),
        "presence": presence.astype(np.float32),
    }


def read(given: dict[str, np.ndarray]) -> Landmarks:
    """Arrays in the place of names."""
    piece = GraphWriter("exact/")
    found = landmarks(piece, values="landmarks", world="world", heatmap="heatmap")
    names = [getattr(found, name) for name in Landmarks.__slots__]
    return Landmarks(*ran(piece, names, **{name: given[name] for name in ("landmarks", "world", "heatmap")}))  # type: ignore[arg-type]


def same(given: dict[str, np.ndarray]) -> None:
    found = read(given)
    for row in range(len(given["landmarks"])):
        wanted: CropLandmarks = crop_landmarks(given, row)
        np.testing.assert_allclose(found.points_px[row], wanted.points_px, atol=PX_LIMIT)
        np.testing.assert_allclose(found.peaks_px[row], wanted.peaks[..., :2], atol=PX_LIMIT)
        np.testing.assert_allclose(found.peak_heats[row, ..., 0], wanted.peaks[..., 2], rtol=1e-5, atol=1e-30)
        np.testing.assert_allclose(found.visibility[row, :, 0], wanted.visibility, rtol=1e-5)
        np.testing.assert_allclose(found.in_picture[row, :, 0], wanted.in_picture, rtol=1e-5)
        np.testing.assert_array_equal(found.depth_px[row, :, 0], wanted.depth_px)
        np.testing.assert_array_equal(found.world_m[row], wanted.world_m)


@pytest.mark.parametrize("seed", range(4))
def test_points_peaks_and_doubts_are_the_same(seed: int) -> None:
    given = outputs(3, seed=seed)
    same(given)
    moved = read(given).points_px - given["landmarks"].reshape(3, POINTS, 5)[..., :2]
    assert 0.2 < (np.abs(moved).max(axis=-1) > 0).mean() < 0.95  # some are refined, some are not


@pytest.mark.parametrize("mean", [-15.0, -40.0, -79.0])
def test_cold_heatmaps_move_no_point_and_still_have_peaks(mean: float) -> None:
    given = outputs(2, mean=mean, spread=3.0)
    given["heatmap"] = np.minimum(given["heatmap"], mean + 12)
    same(given)
    points = given["landmarks"].reshape(2, POINTS, 5)[..., :2]
    np.testing.assert_array_equal(read(given).points_px, points)


def test_of_equal_heats_the_first_cell_counts() -> None:
    given = outputs(2)
    given["heatmap"] = np.zeros_like(given["heatmap"])
    same(given)
    given["heatmap"][..., 10::20, 7::20] = 2.0
    same(given)


@pytest.mark.parametrize("cell", [(0, 0), (63, 63), (0, 63), (31, 63), (63, 2)])
def test_heat_in_a_corner_is_read_at_the_edge(cell: tuple[int, int]) -> None:
    given = outputs(1, mean=-9.0, spread=0.5)
    given["heatmap"][..., cell[0], cell[1]] = 5.0
    given["landmarks"].reshape(1, POINTS, 5)[..., :2] = np.array(cell[::-1]) * 4.0 + 1.0
    same(given)


def test_the_pyramid_is_read_where_the_points_lie() -> None:
    rng = np.random.default_rng(5)
    pyramid = rng.normal(size=(2, 48, 64, 64)).astype(np.float32)
    points_px = rng.uniform(-60, 320, (2, BODY_POINTS, 2)).astype(np.float32)
    points_px[0, :4] = [[0, 0], [255, 255], [252, 252], [251.999, 0]]
    piece = GraphWriter("exact/")
    (found,) = ran(piece, [at_points(piece, "pyramid", "points")], pyramid=pyramid, points=points_px)
    for row in range(2):
        np.testing.assert_allclose(found[row], features.at_points(pyramid[row], points_px[row]), atol=1e-4)


def test_there_are_as_many_peaks_as_the_live_model_reads() -> None:
    assert read(outputs(1)).peaks_px.shape == (1, BODY_POINTS, PEAKS, 2)
