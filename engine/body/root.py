"""Where a body stands: its root in camera axes from 2D joints and root-relative 3D joints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera

MIN_DEPTH_MM = 200.0
"""Nearer than this no whole body fits a lens; a solution in front of it comes from wrong 2D joints."""


def solve_root_mm(
    joints_mm: NDArray[np.floating],
    joints_px: NDArray[np.floating],
    *,
    weights: NDArray[np.floating],
    camera: Camera,
) -> NDArray[np.float32]:
    """Least-squares translation t (3,) that projects `joints_mm + t` onto `joints_px`.

    joints_mm (n, 3) camera axes, joints_px (n, 2), weights (n,) >= 0. Per joint two linear equations
    x + tx = u (z + tz), y + ty = v (z + tz) with (u, v) on the ray at z = 1; depth is clipped so that every joint
    stays in front of the camera.
    """
    rays = camera.back_project(joints_px)[:, :2]
    scale = np.sqrt(np.maximum(weights, 1e-3))
    relative = rays * joints_mm[:, 2:] - joints_mm[:, :2]
    columns = np.zeros((*rays.shape, 3))
    columns[:, 0, 0] = columns[:, 1, 1] = 1.0
    columns[:, :, 2] = -rays
    matrix = (columns * scale[:, None, None]).reshape(-1, 3)
    solution = np.linalg.lstsq(matrix, (relative * scale[:, None]).reshape(-1), rcond=None)[0]
    nearest = MIN_DEPTH_MM - float(joints_mm[:, 2].min())
    if solution[2] < nearest:
        solution = _at_depth(nearest, rays, joints_mm, scale)
    return solution.astype(np.float32)


def _at_depth(
    depth_mm: float, rays: NDArray[np.float64], joints_mm: NDArray[np.floating], scale: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The best sideways shift once the depth is fixed."""
    shift = rays * (joints_mm[:, 2:] + depth_mm) - joints_mm[:, :2]
    share = (scale**2 / (scale**2).sum())[:, None]
    return np.concatenate([(shift * share).sum(axis=0), [depth_mm]])
