"""3DPW-AdvOcc's grid: where an opaque patch stands on the crop, and which joints it covers.

Protocol of Y. Zhang et al., "3D-aware neural body fitting for occlusion robust 3D human pose estimation", 2023: a
patch of 40 or 80 pixels slides over the crop with stride 10; the position with the worst error counts, and only joints
outside the patch are scored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

PATCHES_PX = (40, 80)
STRIDE_PX = 10


def patch_positions(size_wh: tuple[int, int], patch_px: int, stride_px: int = STRIDE_PX) -> NDArray[np.int64]:
    """(n, 2) upper left corners x, y of a square patch, row by row: ceil((side - patch) / stride + 1) per axis.

    A last position that would reach past the edge is kept, as in the protocol, and cut off there. ValueError where the
    patch is larger than the crop.
    """
    if patch_px < 1 or stride_px < 1 or patch_px > min(size_wh):
        raise ValueError(f"a patch of {patch_px} px with stride {stride_px} does not fit a crop of {size_wh}")
    columns, rows = (math.ceil((side - patch_px) / stride_px + 1) for side in size_wh)
    x, y = np.meshgrid(np.arange(columns) * stride_px, np.arange(rows) * stride_px)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def outside_patch(joints_px: NDArray[np.floating], corner_px: NDArray[np.integer], patch_px: int) -> NDArray[np.bool_]:
    """(..., joint, 2) crop pixels -> (..., joint) True where the patch at this corner does not cover the joint."""
    inside = (joints_px >= corner_px) & (joints_px < corner_px + patch_px)
    return np.asarray(~inside.all(axis=-1))
