"""The region of a person as a tracker has it: that of `engine.blazepose.regions`, with its errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.blazepose.regions import region_around
from engine.body.crop import Region
from engine.body.skeleton import H36M17
from training.kinematics import Array

_PELVIS, _LEFT_SHOULDER, _RIGHT_SHOULDER = H36M17.rows("pelvis", "left_shoulder", "right_shoulder")
_REACH = 1.12
"""Radius of the network's circle over the distance of the farthest of the 17 joints from the pelvis: the median over
the live line's answers on three clips (quantiles 10 and 90 %: 1.06 and 1.18)."""

_UPWARDS = np.array([0.0, -1.0])
_GRID = np.array(np.meshgrid(np.arange(-4, 5) / 9, np.arange(-4, 5) / 9)).reshape(2, -1)
"""(2, 81) x and y across a region, in sides from its middle."""


@dataclass(frozen=True, slots=True)
class RegionRange:
    """How far the tracker's region is off. On real clips the centre lies 1 to 6 % of the side from where the pose has
    it one frame later, the side is right within 6 %, and the angle within 1 to 9 degrees."""

    centre: float = 0.02
    """Spread of either coordinate of the centre, in sides."""
    size: float = 0.06
    """Spread of the logarithm of the side."""
    size_limits: tuple[float, float] = (0.88, 1.18)
    angle_deg: float = 2.0
    fast: float = 0.25
    """Share of people whom the region follows late: three times the errors of centre and angle."""
    upright: float = 0.08
    """Share of regions that come from a box around the visible body instead: not turned."""

    def __post_init__(self) -> None:
        if min(self.centre, self.size, self.angle_deg) < 0 or not 0 < self.size_limits[0] <= self.size_limits[1]:
            raise ValueError(f"spreads must not be negative and size_limits positive and in order, got {self}")


def nominal_region(points_px: Array) -> Region:
    """The region without errors. points_px: (17 or more, 2) with the joints first, in the frame."""
    joints = points_px[:17]
    hips = joints[_PELVIS]
    upwards = (joints[_LEFT_SHOULDER] + joints[_RIGHT_SHOULDER]) / 2 - hips
    ways = joints - hips
    radius = _REACH * math.sqrt(float(np.einsum("ji,ji->j", ways, ways).max()))
    length = math.hypot(*upwards.tolist())
    direction = upwards / length if length > 0.02 * radius else _UPWARDS
    region = region_around(hips, hips + radius * direction)
    if region is None:
        raise ValueError("all joints fall on one pixel; there is no person to cut out")
    return region


def share_inside(region: Region, size_wh: tuple[int, int]) -> float:
    """Share of a region inside the frame, counted on a grid."""
    (x, y), (right, bottom) = region.centre_px, (side - 1.0 for side in size_wh)
    cos, sin = region.size_px * math.cos(region.angle_rad), region.size_px * math.sin(region.angle_rad)
    reach = (abs(cos) + abs(sin)) / 2
    if reach <= x <= right - reach and reach <= y <= bottom - reach:
        return 1.0
    across, down = _GRID
    xs, ys = x + cos * across - sin * down, y + sin * across + cos * down
    return float(np.count_nonzero((xs >= 0) & (xs <= right) & (ys >= 0) & (ys <= bottom)) / len(xs))


def draw_region(rng: np.random.Generator, points_px: Array, *, size_wh: tuple[int, int], plan: RegionRange) -> Region:
    """The region that the line might use for a person whose joints and outline lie at `points_px` in its frame."""
    region = nominal_region(points_px)
    late = 3.0 if rng.random() < plan.fast else 1.0
    off_x, off_y = (min(max(off, -0.12), 0.12) for off in rng.normal(0.0, plan.centre * late, 2).tolist())
    off_x, off_y = off_x * region.size_px, off_y * region.size_px
    least, most = plan.size_limits
    growth = min(max(math.exp(rng.normal(0.0, plan.size)), least), most)
    turn = math.radians(rng.normal(0.0, plan.angle_deg * late))
    if rng.random() < plan.upright:
        region, turn = _around_box(points_px, size_wh), 0.0
    x, y = region.centre_px
    return Region((x + off_x, y + off_y), region.size_px * growth, region.angle_rad + turn)


def _around_box(points_px: Array, size_wh: tuple[int, int]) -> Region:
    """The upright square around what is in the frame, with the margin of the other regions."""
    inside = points_px[((points_px >= 0) & (points_px <= np.array(size_wh) - 1)).all(axis=1)]
    seen = inside if len(inside) > 1 else points_px
    low, high = seen.min(axis=0), seen.max(axis=0)
    x, y = ((low + high) / 2).tolist()
    return Region((x, y), 1.25 * max(float((high - low).max()), 1.0))
