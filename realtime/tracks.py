"""One person over time, and when two sightings are of the same person."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.body.crop import Region
from engine.body.pose import PersonPose
from engine.body.skeleton import H36M17
from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33, confidence_of
from realtime.config import TrackingConfig
from realtime.doubt import Doubt

_STILL, _STILL_SIZE, _STILL_ANGLE_RAD, _SLOWEST = 0.04, 0.15, math.radians(10), 0.02
"""Shift in sizes of the region, logarithm of its growth and turn that are followed at once, and the least share."""
_TRUNK = H36M17.rows("pelvis", "thorax")
_MAX_GROWTH = 1.6
"""A body that seems this much larger or smaller from one frame to the next is another one, or a wrong pose."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A person as the detector sees one."""

    score: float
    trunk_px: NDArray[np.float64]
    """(2, 2) middle of the hips, middle of the shoulders."""
    region: Region


@dataclass(slots=True)
class Track:
    """A person being followed."""

    person_id: int
    region: Region
    """Where to look for this person next."""
    seen_s: float
    pose: PersonPose
    """The last one believed."""
    is_new: bool = True
    doubt: Doubt = field(default_factory=Doubt)

    @property
    def trunk_px(self) -> NDArray[np.float64]:
        return trunk_px(self.pose)


def trunk_px(pose: PersonPose) -> NDArray[np.float64]:
    """(2, 2) pelvis and thorax in the frame, as BlazePose sees them where its points are given.

    An estimator that reasons about bodies puts a plausible trunk where there is none; the 2D network does not.
    """
    if pose.points33 is None:
        return pose.joints_px[_TRUNK].astype(np.float64)
    return H36M17_FROM_BLAZEPOSE33[_TRUNK] @ pose.points33.points_px


def clarity(pose: PersonPose) -> float:
    """0..1, how much of the person the 2D network sees."""
    confidence = pose.confidence if pose.points33 is None else confidence_of(pose.points33.visibility)
    return float(confidence.mean())


def distance(one_px: NDArray[np.float64], other_px: NDArray[np.float64], size_px: float) -> float:
    """Mean distance of two trunks, in sizes of the person's region."""
    return float(np.linalg.norm(one_px - other_px, axis=-1).mean()) / size_px


def pose_size_px(pose: PersonPose, fallback_px: float) -> float:
    return pose.next_region.size_px if pose.next_region is not None else fallback_px


def fits(track: Track, pose: PersonPose, *, time_s: float, config: TrackingConfig) -> bool:
    """Whether `pose` can be the next pose of this person: near the last one and of its size."""
    size = track.region.size_px
    gap_s = max(time_s - track.seen_s, 0.0)
    limit = min(config.max_jump + config.max_speed * gap_s, config.max_reach)
    growth = pose_size_px(pose, size) / size
    near = distance(track.trunk_px, trunk_px(pose), size) <= limit
    return near and 1 / _MAX_GROWTH <= growth <= _MAX_GROWTH


def steadied(before: Region, seen: Region) -> Region:
    """Where to look next: large moves are followed at once, small ones slowly.

    A crop that trembles with its own landmarks makes the next landmarks tremble (docs/experiments.md). At a steady
    speed the crop lags by the square root of speed times `_STILL`: 2.4 % of its size behind a person who walks past.
    """
    shift = np.subtract(seen.centre_px, before.centre_px)
    growth = math.log(seen.size_px / before.size_px)
    turn = math.remainder(seen.angle_rad - before.angle_rad, 2 * math.pi)
    moved = max(float(np.linalg.norm(shift)) / before.size_px / _STILL, abs(growth) / _STILL_SIZE)
    share = min(max(moved, abs(turn) / _STILL_ANGLE_RAD, _SLOWEST), 1.0)
    x, y = np.asarray(before.centre_px) + share * shift
    size_px = before.size_px * math.exp(share * growth)
    return Region((float(x), float(y)), size_px, before.angle_rad + share * turn)


def same_person(one: PersonPose, other: PersonPose, config: TrackingConfig) -> bool:
    """Two poses of one frame that lie on one body."""
    size = max(pose_size_px(one, 1.0), pose_size_px(other, 1.0))
    return distance(trunk_px(one), trunk_px(other), size) < config.same_person


def in_picture(pose: PersonPose, size_wh: tuple[int, int]) -> bool:
    """Whether any part of the trunk lies in the picture."""
    points = trunk_px(pose)
    middle = points.mean(axis=0)
    inside = (np.vstack([points, middle]) >= 0) & (np.vstack([points, middle]) < np.array(size_wh))
    return bool(inside.all(axis=1).any())
