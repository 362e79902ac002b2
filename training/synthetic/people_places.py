"""Where other people stand: before, beside or behind the labelled one, as places and turns for whoever poses them."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np

from engine.body.skeleton import H36M17
from training.kinematics import Array
from training.synthetic.scene import Viewpoint

Side = Literal["front", "beside", "behind"]
SIDES: tuple[Side, ...] = ("front", "beside", "behind")

_PELVIS = H36M17.row("pelvis")
_TRIES = 12
_APART_MM = 350.0
"""Between two pelvises seen from above; arms may still meet."""
_BEFORE_CAMERA_MM = 1000.0
_WAIST_MM = np.array([0.0, 900.0, 0.0])


@dataclass(frozen=True, slots=True)
class PeopleRange:
    """How many others, and where."""

    counts: tuple[float, ...] = (0.6, 0.28, 0.12)
    """Weights of nobody, one, two ... others."""
    sides: tuple[float, float, float] = (0.35, 0.4, 0.25)
    """Weights of `SIDES`."""
    lateral_mm: tuple[float, float] = (80.0, 700.0)
    """Of who stands in front or behind, to either side of the line of sight."""
    gap_mm: tuple[float, float] = (350.0, 1500.0)
    """Along the line of sight, of who stands in front or behind; twice that behind."""

    def __post_init__(self) -> None:
        if min(self.counts + self.sides) < 0 or sum(self.counts) <= 0 or sum(self.sides) <= 0:
            raise ValueError(f"counts and sides are weights, at least one positive, got {self.counts}, {self.sides}")
        for name, (low, high) in (("lateral_mm", self.lateral_mm), ("gap_mm", self.gap_mm)):
            if not 0 <= low <= high:
                raise ValueError(f"{name} is a range in order, not negative, got {(low, high)}")


NOBODY_ELSE = PeopleRange(counts=(1.0,))


@dataclass(frozen=True, slots=True, eq=False)
class PersonPlace:
    """Where another person is to stand."""

    ground_mm: Array
    """(3,) in the world, y = 0: what comes under the pelvis."""
    yaw_rad: float
    """Turn around y of a person who faced +z."""
    side: Side


def draw_people_places(
    rng: np.random.Generator, viewpoint: Viewpoint, joints_world_mm: Array, *, plan: PeopleRange | None = None
) -> list[PersonPlace]:
    """Places at least 350 mm from one another and a metre from the camera; may be fewer than drawn."""
    plan = plan or PeopleRange()
    count = _weighted(rng, plan.counts)
    taken = [_down(joints_world_mm[_PELVIS])]
    places = list[PersonPlace]()
    for _ in range(_TRIES * count):
        place = _drawn(rng, viewpoint, taken[0], plan)
        depth = float(viewpoint.camera_mm(place.ground_mm + _WAIST_MM)[2])
        free = all(np.linalg.norm(place.ground_mm - other) >= _APART_MM for other in taken)
        if free and min(depth, _away(viewpoint, place.ground_mm)) >= _BEFORE_CAMERA_MM:
            places.append(place)
            taken.append(place.ground_mm)
        if len(places) == count:
            break
    return places


def _drawn(rng: np.random.Generator, view: Viewpoint, here: Array, plan: PeopleRange) -> PersonPlace:
    side = SIDES[_weighted(rng, plan.sides)]
    towards = _down(view.eye_mm) - here
    length = float(np.linalg.norm(towards))
    towards = towards / length if length > 1.0 else np.array([0.0, 0.0, 1.0])
    across = np.array([towards[2], 0.0, -towards[0]])
    lateral = float(rng.uniform(*plan.lateral_mm)) * (1 if rng.random() < 0.5 else -1)
    gap = float(rng.uniform(*plan.gap_mm))
    if side == "beside":
        lateral = math.copysign(max(abs(lateral), _APART_MM + 0.3 * gap), lateral)
        gap = float(rng.uniform(-250.0, 250.0))
    elif side == "behind":
        gap = -2 * gap
    facing = math.atan2(towards[0], towards[2]) + rng.normal(0.0, 0.8)  # people are seen from in front more often
    yaw = facing if rng.random() < 0.6 else rng.uniform(-math.pi, math.pi)
    return PersonPlace(here + gap * towards + lateral * across, float(yaw), side)


def _weighted(rng: np.random.Generator, weights: Sequence[float]) -> int:
    """One of so many, as `rng.choice` draws it at ten times the cost."""
    ends = list(accumulate(weights))
    return bisect(ends, rng.random() * ends[-1])


def _down(point_mm: Array) -> Array:
    return np.asarray(point_mm * np.array([1.0, 0.0, 1.0]))


def _away(view: Viewpoint, ground_mm: Array) -> float:
    """From the camera to the nearest point of an upright person in this place."""
    height = float(np.clip(view.eye_mm[1], 0.0, 1800.0))
    return float(np.linalg.norm(view.eye_mm - [ground_mm[0], height, ground_mm[2]]))
