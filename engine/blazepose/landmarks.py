"""What the landmark network's numbers mean: 33 body points and 6 auxiliary ones in the crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

POINTS = 39
BODY_POINTS = 33
NEXT_CENTRE, NEXT_SCALE = 33, 34
"""Auxiliary points that give the region of the next frame: its centre and a point on its circle."""

PEAKS = 3

CELL_PX = np.float32(4)  # the heatmap has 64 cells along 256 px
WINDOW = np.arange(-4, 5)
NEAR = np.arange(-1, 2)
_WINDOW_CELLS, _NEAR_CELLS = (
    np.stack(np.meshgrid(side, side, indexing="ij")).reshape(2, -1) for side in (WINDOW, NEAR)
)
"""(2, cell) rows and columns from the middle."""
MIN_HEAT = 0.5
"""9x9 window and least confidence of MediaPipe's RefineLandmarksFromHeatmapCalculator. Its public graphs of other
releases say 7; 0.10.21 itself answers as with 9, the calculator's default (see test_mediapipe_parity.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class CropLandmarks:
    """The network's answer for one crop."""

    points_px: F32
    """(39, 2) pixels of the crop, centre of the first pixel at 0; may lie outside of the crop."""
    depth_px: F32
    """(39,) away from the camera, in pixels of the crop, 0 at the hips."""
    visibility: F32
    """(39,) 0..1, that the point is in the picture and not hidden."""
    in_picture: F32
    """(39,) 0..1, that the point lies inside of the picture, hidden or not."""
    world_m: F32
    """(39, 3) metres from the middle of the hips, in the axes of the (turned) crop."""
    presence: float
    """0..1, that there is a person."""
    peaks: F32
    """(33, PEAKS, 3) x and y in pixels of the crop and heat 0..1 of the hottest places of each body point's heatmap,
    hottest first: where else the point may be."""


def crop_landmarks(outputs: Mapping[str, NDArray[Any]], row: int = 0) -> CropLandmarks:
    """Row `row` of the batch that the landmark network returned (`landmarks`, `presence`, `heatmap`, `world`).

    The result owns its arrays.
    """
    values = outputs["landmarks"][row].reshape(POINTS, 5)
    return CropLandmarks(
        points_px=refined(values[:, :2], outputs["heatmap"][row]),
        depth_px=values[:, 2].copy(),
        visibility=_sigmoid(values[:, 3]),
        in_picture=_sigmoid(values[:, 4]),
        world_m=outputs["world"][row].reshape(POINTS, 3).copy(),
        presence=float(outputs["presence"][row, 0]),
        peaks=heat_peaks(outputs["heatmap"][row]),
    )


def refined(points_px: F32, heatmap: F32) -> F32:
    """Points moved to the middle of the heat around them where the heatmap is sure; the others unchanged.

    points_px: (39, 2) in the crop; heatmap: (39, 64, 64) logits. The same as MediaPipe's
    RefineLandmarksFromHeatmapCalculator: the mean of the cells' indices, weighted by their sigmoids.
    """
    points, height, width = heatmap.shape
    cells = np.trunc(points_px / CELL_PX).astype(np.intp)
    columns, rows = (cells[:, axis, None] + WINDOW for axis in (0, 1))  # (39, 9) each
    held = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    logits = heatmap[
        np.arange(points)[:, None, None],
        np.clip(rows, 0, height - 1)[:, :, None],
        np.clip(columns, 0, width - 1)[:, None, :],
    ]
    heat = _sigmoid(logits) * held
    total = heat.sum(axis=(1, 2))
    inside = ((cells >= 0) & (cells < (width, height))).all(axis=1)
    sure = inside & (heat.max(axis=(1, 2)) >= MIN_HEAT)
    mean = np.stack([(heat.sum(axis=1) * columns).sum(axis=1), (heat.sum(axis=2) * rows).sum(axis=1)], axis=1)
    moved = (mean / np.where(total > 0, total, 1)[:, None] * CELL_PX).astype(np.float32)
    points_px = points_px.copy()
    points_px[sure] = moved[sure]
    return points_px


def heat_peaks(heatmap: F32) -> F32:
    """(39, 64, 64) logits -> (33, PEAKS, 3): x and y in pixels of the crop and heat 0..1, hottest first.

    A peak is the hottest cell outside the 9x9 windows of the peaks before it, its place the mean of the 3x3 cells
    around it, weighted by their heat.
    """
    _, height, width = heatmap.shape
    points = np.arange(BODY_POINTS)[:, None]
    logits = heatmap[:BODY_POINTS].reshape(BODY_POINTS, -1)
    left = logits.copy()
    peaks = np.empty((BODY_POINTS, PEAKS, 3), np.float32)
    for number in range(PEAKS):
        row, column = np.divmod(left.argmax(axis=1), width)
        rows, columns, cells = _cells(row, column, _NEAR_CELLS, (height, width))
        heat = _sigmoid(logits[points, cells])
        total = heat.sum(axis=1)
        peaks[:, number, 0] = (heat * columns).sum(axis=1) / total * CELL_PX
        peaks[:, number, 1] = (heat * rows).sum(axis=1) / total * CELL_PX
        peaks[:, number, 2] = _sigmoid(logits[points[:, 0], row * width + column])
        if number < PEAKS - 1:
            left[points, _cells(row, column, _WINDOW_CELLS, (height, width))[2]] = -np.inf
    return peaks


def _cells(
    row: NDArray[np.intp], column: NDArray[np.intp], around: NDArray[np.intp], size_hw: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows, columns and flat indices, (n, cell) each, around n cells; those outside are moved to the edge."""
    height, width = size_hw
    rows = (row[:, None] + around[0]).clip(0, height - 1)
    columns = (column[:, None] + around[1]).clip(0, width - 1)
    return rows, columns, rows * width + columns


def _sigmoid(logits: F32) -> F32:
    exponents = np.clip(-logits, -80, 80)  # exp stays finite in float32
    return np.asarray(1 / (1 + np.exp(exponents)), np.float32)
