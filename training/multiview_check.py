"""How well a recording's calibration fits its pictures, by the joints of the person that all views see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.calibrated_views import View
from training.data_error import DataError
from training.multiview import References, Sightings, agreed_by_all
from training.triangulation import Known, Rules


@dataclass(frozen=True, slots=True)
class ViewCheck:
    """Reprojection in one view; pixels of the undistorted picture, None where nothing was triangulated."""

    view: str
    agreeing: float | None
    """Share of this view's sightings of triangulated joints that agree with the point, 0..1."""
    median_px: float | None
    p90_px: float | None
    """Of those that agree, this view taking part."""
    unseen_median_px: float | None
    """Distance between what the other views alone say and this view's own 2D joint."""


@dataclass(frozen=True, slots=True)
class CalibrationCheck:
    views: tuple[ViewCheck, ...]
    joints: int
    """Joints that at least `min_views` of all views agree on."""
    median_px: float | None
    parallax_deg: float | None
    """Median of the largest angle between two lines of sight."""
    spread_ms: tuple[float, float] | None
    """Median and largest time between the views' frames of one moment, where timestamps say it."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_calibration(
    views: Sequence[View], sightings: Sightings, of_all: References, *, rules: Rules, spread_s: Any = None
) -> CalibrationCheck:
    """DataError where not one joint is agreed upon: then the calibration does not belong to these videos."""
    found = agreed_by_all(views, sightings, rules=rules)
    if not found:
        problem = f"no joint is seen alike by {rules.min_views} views within {rules.limit_mm:g} mm"
        cure = "translation is in metres, both map the world to the camera, and the videos must be synchronous"
        raise DataError.of(views[0].video.parent, "calibration", problem, cure=cure)
    used_px = np.concatenate([known.errors_px[known.used] for known in found.values()])
    spread = None if spread_s is None else (float(np.median(spread_s)) * 1e3, float(np.max(spread_s)) * 1e3)
    return CalibrationCheck(
        views=tuple(
            _of_view(view, row, sightings=sightings, found=found, alone=of_all) for row, view in enumerate(views)
        ),
        joints=len(found),
        median_px=float(np.median(used_px)),
        parallax_deg=float(np.median([known.parallax_deg for known in found.values()])),
        spread_ms=spread,
    )


def _of_view(
    view: View, row: int, *, sightings: Sightings, found: dict[tuple[int, int], Known], alone: References
) -> ViewCheck:
    seen = {place: known for place, known in found.items() if sightings.seen[row, place[0], place[1]]}
    used = [known.errors_px[row] for known in seen.values() if known.used[row]]
    both = alone.known[row] & sightings.seen[row]
    own = view.camera.project(view.seen(alone.world_mm[row][both])) - sightings.points_px[row][both]
    return ViewCheck(
        view=view.name,
        agreeing=len(used) / len(seen) if seen else None,
        median_px=float(np.median(used)) if used else None,
        p90_px=float(np.percentile(used, 90)) if used else None,
        unseen_median_px=float(np.median(np.linalg.norm(own, axis=-1))) if len(own) else None,
    )
