"""Where a point is that several calibrated cameras see, when some of them may be wrong about it.

Errors are measured in millimetres at the point's depth, which is the reprojection error in pixels times depth over
focal length: a 2D network's error grows with the size of the person in the picture, so this is what stays the same
between a near and a far camera. In that measure the least-squares point is linear: with the ray (u, v, 1) and the
point in camera axes X = R p + t, the error is X_xy - (u, v) X_z.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """When a point counts as known."""

    min_views: int = 3
    limit_mm: float = 40.0
    """Largest reprojection error of every view used, at the point's depth: 8 px at 4.5 m for a focal length of 900."""
    limit_px: float = float("inf")
    """Also never more than so many pixels (of the undistorted picture)."""
    min_parallax_deg: float = 15.0
    """At least two of the rays used must meet at this angle; below, depth is a guess."""
    min_depth_mm: float = 100.0

    def __post_init__(self) -> None:
        if self.min_views < 2:
            raise ValueError(f"min_views must be at least 2, got {self.min_views}")
        if not (self.limit_mm > 0 and self.limit_px > 0):
            raise ValueError(f"limits must be positive, got {self.limit_mm} mm and {self.limit_px} px")


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Cameras as arrays, one row per view."""

    camera_from_world: F64
    """(view, 3, 3)"""
    offset_mm: F64
    """(view, 3)"""
    focal_px: F64
    """(view,)"""

    def only(self, rows: NDArray[np.intp]) -> Rig:
        return Rig(self.camera_from_world[rows], self.offset_mm[rows], self.focal_px[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A point that enough views agree on."""

    point_mm: F64
    """(3,) in the world."""
    used: NDArray[np.bool_]
    """(view,) the views that agree."""
    errors_px: F64
    """(view,) reprojection error, of views not used too; infinite behind a camera."""
    parallax_deg: float


def triangulate(rig: Rig, rays: F64) -> F64:
    """(3,) the point with the least sum of squared errors; `rays` (view, 2) at z = 1, two views or more."""
    planes = rig.camera_from_world[:, :2] - rays[:, :, None] * rig.camera_from_world[:, 2:]
    right = rays * rig.offset_mm[:, 2:] - rig.offset_mm[:, :2]
    return np.asarray(np.linalg.lstsq(planes.reshape(-1, 3), right.reshape(-1), rcond=None)[0])


def agreed(rig: Rig, rays: F64, seen: NDArray[np.bool_], *, rules: Rules) -> Known | None:
    """The point that most views agree on, or None where fewer than `min_views` do or their rays are too parallel.

    Every pair of the views that have `seen` the point proposes one; the proposal with most views within the limits
    (then the smallest error) is refined over them until the set stays. `rays` (view, 2), `seen` (view,).
    """
    rows = np.flatnonzero(seen)
    if len(rows) < rules.min_views:
        return None
    best, best_rank = None, (0, 0.0)
    for one, other in itertools.combinations(rows, 2):
        pair = np.array([one, other])
        used, errors = _within(rig, rays, triangulate(rig.only(pair), rays[pair]), rules=rules)
        used &= seen
        rank = (int(used.sum()), -float(errors[used].sum()))
        if rank > best_rank:
            best, best_rank = used, rank
    return None if best is None else _refined(rig, rays, best, seen=seen, rules=rules)


def _refined(rig: Rig, rays: F64, used: NDArray[np.bool_], *, seen: NDArray[np.bool_], rules: Rules) -> Known | None:
    for _ in range(_ROUNDS):
        if used.sum() < rules.min_views:
            return None
        rows = np.flatnonzero(used)
        point = triangulate(rig.only(rows), rays[rows])
        fits, _ = _within(rig, rays, point, rules=rules)
        again = fits & seen
        if (again == used).all():
            angle = _parallax_deg(rig.only(rows), point)
            return Known(point, used, _errors_px(rig, rays, point), angle) if angle >= rules.min_parallax_deg else None
        used = again
    return None


def _within(rig: Rig, rays: F64, point_mm: F64, *, rules: Rules) -> tuple[NDArray[np.bool_], F64]:
    """(view,) whether the point fits, and its error in mm at the point's depth."""
    depth = _depth(rig, point_mm)
    errors_px = _errors_px(rig, rays, point_mm)
    errors_mm = errors_px * np.abs(depth) / rig.focal_px
    return (depth >= rules.min_depth_mm) & (errors_mm <= rules.limit_mm) & (errors_px <= rules.limit_px), errors_mm


def _depth(rig: Rig, point_mm: F64) -> F64:
    return np.asarray(rig.camera_from_world[:, 2] @ point_mm + rig.offset_mm[:, 2])


def _errors_px(rig: Rig, rays: F64, point_mm: F64) -> F64:
    seen = rig.camera_from_world @ point_mm + rig.offset_mm
    ahead = seen[:, 2] > 1e-6
    flat = seen[:, :2] / np.where(ahead, seen[:, 2], 1.0)[:, None]
    return np.where(ahead, np.linalg.norm(flat - rays, axis=-1) * rig.focal_px, np.inf)


def _parallax_deg(rig: Rig, point_mm: F64) -> float:
    """The largest angle between two of the views' lines of sight to the point."""
    centres = -np.einsum("vji,vj->vi", rig.camera_from_world, rig.offset_mm)
    sight = point_mm - centres
    sight /= np.maximum(np.linalg.norm(sight, axis=-1, keepdims=True), 1e-9)
    return float(np.rad2deg(np.arccos(np.clip((sight @ sight.T).min(), -1.0, 1.0))))
