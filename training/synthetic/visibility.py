"""Which joints a camera sees, read from the drawn depth and owners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.body.crop import inverted, transformed
from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import THE_PERSON, Drawn, Viewpoint

Indices = NDArray[np.int64]
_COLUMNS, _ROWS = np.array([[0], [-1], [1], [0], [0]]), np.array([[0], [0], [0], [-1], [1]])
"""A pixel and its neighbours: left, right, above, below."""


def visible_joints(
    drawn: Drawn,
    viewpoint: Viewpoint,
    *,
    joints_world_mm: Array,
    thickness_mm: ArrayLike,
    frame_wh: tuple[int, int],
) -> NDArray[np.bool_]:
    """(joint,): the first surface on the ray to the joint is the person's own, within `thickness_mm` of the joint.

    `joints_world_mm` is (joint, 3), `thickness_mm` (joint,) along the ray. A joint outside the frame or the crop, or
    behind the camera, is not visible. The surface is that of the nearest pixel's centre, at most 0.71 px beside the
    ray, continued to the ray with the smaller of its slopes to either side, so that no edge is taken for a slope.
    """
    seen_mm, size = viewpoint.camera_mm(joints_world_mm), viewpoint.crop_size_px
    before = seen_mm[:, 2] > 1.0
    if not before.all():
        seen_mm = np.where(before[:, None], seen_mm, (0.0, 0.0, 1.0))
    frame_px = viewpoint.camera.project(seen_mm)
    crop_px = transformed(frame_px, inverted(viewpoint.frame_from_crop))
    pixels = np.rint(crop_px)
    inside = before & _within(frame_px, frame_wh) & ((pixels >= 0) & (pixels < size)).all(axis=1)
    pixels[~inside] = 0
    column, row = pixels.astype(np.int64).T
    along = np.sqrt(np.einsum("ji,ji->j", seen_mm, seen_mm)) / seen_mm[:, 2]  # mm on the ray per mm of depth
    aside_px = np.where(inside[:, None], crop_px - pixels, 0.0)
    off_mm = np.abs(_depth_at(drawn.depth_mm, column, row, aside_px) - seen_mm[:, 2]) * along
    own = drawn.owner[row, column] == THE_PERSON
    visible: NDArray[np.bool_] = inside & own & (off_mm <= np.asarray(thickness_mm, np.float64))
    return visible


def _depth_at(depth_mm: Floats, column: Indices, row: Indices, aside_px: Array) -> Array:
    """Depth `aside_px` (point, 2) beside pixel centres; 0 where there is no surface."""
    last = len(depth_mm) - 1
    columns = np.minimum(np.maximum(column + _COLUMNS, 0), last)
    rows = np.minimum(np.maximum(row + _ROWS, 0), last)
    found = depth_mm[rows, columns].astype(np.float64)
    middle, left, right, above, below = np.where(np.isfinite(found), found, 0.0)
    slope_x, slope_y = _gentler(middle - left, right - middle), _gentler(middle - above, below - middle)
    result: Array = middle + slope_x * aside_px[:, 0] + slope_y * aside_px[:, 1]
    return result


def _gentler(one: Array, other: Array) -> Array:
    """The smaller of two slopes, 0 where they disagree in sign (minmod)."""
    return np.where(one * other > 0, np.where(np.abs(one) < np.abs(other), one, other), 0.0)


def _within(points_px: Array, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether (..., 2) pixels lie in a picture, whose pixels reach half a pixel around whole numbers."""
    inside: NDArray[np.bool_] = np.all((points_px >= -0.5) & (points_px <= np.array(size_wh) - 0.5), axis=-1)
    return inside
