"""References of a person's joints in each view of a calibrated recording, made from the other views alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import BLAZEPOSE33_NAMES, H36M17
from training.calibrated_views import View
from training.triangulation import Known, Rig, Rules, agreed

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCORED = tuple(
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "knee", "ankle") for side in ("left", "right")
)
"""The joints that count: those that BlazePose, Human3.6M and COCO mean alike."""
HIPS = ("left_hip", "right_hip")
SHOULDERS = ("left_shoulder", "right_shoulder")
TRIANGULATED = SCORED + HIPS
"""Order of the joints in all arrays here; the hips give the root only, their definitions differ by centimetres."""
SCORED_COUNT = len(SCORED)
POINTS33_ROWS = [BLAZEPOSE33_NAMES.index(name) for name in TRIANGULATED]
H36M_ROWS = H36M17.rows(*SCORED)
MIN_VISIBILITY = 0.5
"""Of BlazePose's 2D points; MediaPipe draws them from 0.5 on."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """2D joints in every view, in the order of `TRIANGULATED`."""

    points_px: F64
    """(view, moment, 12, 2) pixels; meaningless where not seen."""
    seen: Bools
    """(view, moment, 12) a person was found and the joint's visibility is at least `MIN_VISIBILITY`."""


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """What each view is compared with. Axis 0 is the scored view, which had no part in its own."""

    world_mm: F64
    """(view, moment, 12, 3); zero where not known."""
    known: Bools
    """(view, moment, 12)"""
    errors_px: F64
    """(view, moment, 12, other view) reprojection errors in the views used, infinite in the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One view at one moment."""

    camera_mm: F64
    """(12, 3) axes of the scored camera; zero where not known."""
    known: Bools
    """(12,)"""
    root: str
    """'hips' or 'shoulders': whose middle is the root."""
    root_mm: F64
    """(3,) in the scored camera."""

    @property
    def scored(self) -> Bools:
        """(10,) the joints that count."""
        return self.known[:SCORED_COUNT]

    @property
    def relative_mm(self) -> F64:
        """(10, 3) from the root."""
        return np.asarray(self.camera_mm[:SCORED_COUNT] - self.root_mm)


def rig_of(views: Sequence[View]) -> Rig:
    return Rig(
        np.stack([view.camera_from_world for view in views]),
        np.stack([view.offset_mm for view in views]),
        np.array([float(np.mean(view.camera.focal_px)) for view in views]),
    )


def references(views: Sequence[View], sightings: Sightings, *, rules: Rules) -> References:
    """For each view and moment the joints that at least `rules.min_views` others agree on."""
    rig, rays = rig_of(views), rays_of(views, sightings)
    shape = sightings.seen.shape
    world, known = np.zeros((*shape, 3)), np.zeros(shape, bool)
    errors = np.full((*shape, len(views)), np.inf)
    for view in range(len(views)):
        others = np.arange(len(views)) != view
        for moment, joint in np.ndindex(shape[1:]):
            found = agreed(rig, rays[:, moment, joint], sightings.seen[:, moment, joint] & others, rules=rules)
            if found is not None:
                world[view, moment, joint], known[view, moment, joint] = found.point_mm, True
                errors[view, moment, joint] = np.where(found.used, found.errors_px, np.inf)
    return References(world, known, errors)


def agreed_by_all(views: Sequence[View], sightings: Sightings, *, rules: Rules) -> dict[tuple[int, int], Known]:
    """(moment, joint) -> the point, with no view left out: for judging the calibration, not for scoring."""
    rig, rays = rig_of(views), rays_of(views, sightings)
    found = {
        (moment, joint): agreed(rig, rays[:, moment, joint], sightings.seen[:, moment, joint], rules=rules)
        for moment, joint in np.ndindex(sightings.seen.shape[1:])
    }
    return {place: known for place, known in found.items() if known is not None}


def reference(view: View, of_all: References, *, row: int, moment: int) -> Reference | None:
    """In the axes of `view` (row `row`); None where neither hips nor shoulders give a root or no joint is known."""
    known = of_all.known[row, moment]
    camera_mm = np.where(known[:, None], view.seen(of_all.world_mm[row, moment]), 0.0)
    for name, pair in (("hips", HIPS), ("shoulders", SHOULDERS)):
        rows = [TRIANGULATED.index(joint) for joint in pair]
        if known[rows].all() and known[:SCORED_COUNT].any():
            return Reference(camera_mm, known, name, camera_mm[rows].mean(axis=0))
    return None


def rays_of(views: Sequence[View], sightings: Sightings) -> F64:
    """(view, moment, 12, 2) at z = 1; zero where not seen."""
    rays = [
        view.camera.back_project(np.where(seen[..., None], points, 0.0))[..., :2]
        for view, points, seen in zip(views, sightings.points_px, sightings.seen, strict=True)
    ]
    return np.stack(rays)
