"""Which joints a camera sees, read from the drawn depth and owners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import THE_PERSON, Drawn, Viewpoint

Indices = NDArray[np.int64]


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
    seen_mm = viewpoint.camera_mm(joints_world_mm)
    before = seen_mm[:, 2] > 1.0
    seen_mm = np.where(before[:, None], seen_mm, (0.0, 0.0, 1.0))
    frame_px = viewpoint.camera.project(seen_mm)
    world_mm = seen_mm @ viewpoint.rotation + viewpoint.eye_mm
    crop_px = viewpoint.crop_px(world_mm)
    column, row = np.rint(crop_px).clip(-1, viewpoint.crop_size_px).astype(np.int64).T
    inside = before & _within(frame_px, frame_wh)
    inside &= (column >= 0) & (row >= 0) & (column < viewpoint.crop_size_px) & (row < viewpoint.crop_size_px)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    along = np.linalg.norm(seen_mm, axis=1) / seen_mm[:, 2]  # mm on the ray per mm of depth
    aside_px = np.where(inside[:, None], crop_px - np.stack([column, row], axis=-1), 0.0)
    off_mm = np.abs(_depth_at(drawn.depth_mm, column, row, aside_px) - seen_mm[:, 2]) * along
    own = drawn.owner[row, column] == THE_PERSON
    visible: NDArray[np.bool_] = inside & own & (off_mm <= np.asarray(thickness_mm, np.float64))
    return visible


def _depth_at(depth_mm: Floats, column: Indices, row: Indices, aside_px: Array) -> Array:
    """Depth `aside_px` (point, 2) beside pixel centres; 0 where there is no surface."""
    last = len(depth_mm) - 1

    def depth(columns: Indices, rows: Indices) -> Array:
        found = depth_mm[rows.clip(0, last), columns.clip(0, last)].astype(np.float64)
        return np.where(np.isfinite(found), found, 0.0)

    middle = depth(column, row)
    slopes_x = middle - depth(column - 1, row), depth(column + 1, row) - middle
    slopes_y = middle - depth(column, row - 1), depth(column, row + 1) - middle
    result: Array = middle + _gentler(*slopes_x) * aside_px[:, 0] + _gentler(*slopes_y) * aside_px[:, 1]
    return result


def _gentler(one: Array, other: Array) -> Array:
    """The smaller of two slopes, 0 where they disagree in sign (minmod)."""
    return np.where(one * other > 0, np.where(np.abs(one) < np.abs(other), one, other), 0.0)


def _within(points_px: Array, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether (..., 2) pixels lie in a picture, whose pixels reach half a pixel around whole numbers."""
    inside: NDArray[np.bool_] = np.all((points_px >= -0.5) & (points_px <= np.array(size_wh) - 0.5), axis=-1)
    return inside
