"""2D joints for the references: what BlazePose says in every view, and the patches that are laid over a view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.body.pose import PersonPose
from training.calibrated_views import View
from training.multiview import MIN_VISIBILITY, POINTS33_ROWS, SCORED_COUNT, TRIANGULATED, References, Sightings
from training.multiview_patch import Patch, choose_patch, inside

F64 = NDArray[np.float64]

People = Sequence[Sequence[PersonPose]]
"""The persons of each moment in one view; their `points33` are needed."""


def main_person(people: People) -> list[PersonPose | None]:
    """One person per moment: the one who is there most of the time; a recording is expected to show one."""
    times = Counter(pose.person_id for poses in people for pose in poses)
    return [max(poses, key=lambda pose: (times[pose.person_id], pose.presence), default=None) for poses in people]


def sightings_of(views: Sequence[View], people: Sequence[People]) -> Sightings:
    """`people[view][moment]`, BlazePose's, unsmoothed, from pictures without patches."""
    moments = len(people[0])
    points = np.zeros((len(views), moments, len(TRIANGULATED), 2))
    seen = np.zeros(points.shape[:-1], bool)
    for row in range(len(views)):
        for moment, pose in enumerate(main_person(people[row])):
            if pose is not None and pose.points33 is not None:
                points[row, moment] = pose.points33.points_px[POINTS33_ROWS]
                seen[row, moment] = pose.points33.visibility[POINTS33_ROWS] >= MIN_VISIBILITY
    return Sightings(points, seen)


def patches_of(
    views: Sequence[View], people: Sequence[People], of_all: References, *, seed: int = 0
) -> list[list[Patch | None]]:
    """A patch for every view and moment in which a joint is known to be in the picture; None elsewhere."""
    patches: list[list[Patch | None]] = []
    for row, view in enumerate(views):
        persons = main_person(people[row])
        patches.append(
            [
                choose_patch(
                    _joints_px(view, of_all, row=row, moment=moment, person=person),
                    _box_points_px(view, person),
                    rng=np.random.default_rng([seed, row, moment]),
                )
                for moment, person in enumerate(persons)
            ]
        )
    return patches


def _joints_px(view: View, of_all: References, *, row: int, moment: int, person: PersonPose | None) -> F64:
    """The scored joints in the picture: where the other views put them, else where BlazePose sees them."""
    known = of_all.known[row, moment, :SCORED_COUNT]
    joints = view.camera.project(view.seen(of_all.world_mm[row, moment, :SCORED_COUNT][known]))
    joints = joints[inside(joints, view.camera.size_wh)]
    if len(joints) or person is None or person.points33 is None:
        return joints
    rows = POINTS33_ROWS[:SCORED_COUNT]
    own = person.points33.points_px[rows][person.points33.visibility[rows] >= MIN_VISIBILITY].astype(np.float64)
    return own[inside(own, view.camera.size_wh)]


def _box_points_px(view: View, person: PersonPose | None) -> F64:
    """All 33 points that are seen in the picture."""
    if person is None or person.points33 is None:
        return np.zeros((0, 2))
    points = person.points33.points_px[person.points33.visibility >= MIN_VISIBILITY].astype(np.float64)
    return points[inside(points, view.camera.size_wh)]
