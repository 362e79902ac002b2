"""Other people stand apart from one another and from the camera, on the side that their place names."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from standing import standing_mm

from training.synthetic.people_places import NOBODY_ELSE, SIDES, PeopleRange, draw_people_places
from training.synthetic.viewpoints import draw_viewpoint

PERSON = standing_mm(x_mm=700.0, z_mm=-400.0)
HERE = PERSON[0] * [1.0, 0.0, 1.0]


@pytest.fixture(scope="module")
def drawn() -> list:
    rng, plan = np.random.default_rng(3), PeopleRange(counts=(0.2, 0.4, 0.4))
    views = [draw_viewpoint(rng, PERSON) for _ in range(300)]
    return [(view, draw_people_places(rng, view, PERSON, plan=plan)) for view in views]


def test_they_stand_apart(drawn) -> None:
    for view, places in drawn:
        spots = [HERE, *(place.ground_mm for place in places)]
        for one, other in itertools.combinations(spots, 2):
            assert np.linalg.norm(one - other) >= 349.9
        for place in places:
            assert place.ground_mm[1] == 0.0
            chest = place.ground_mm + [0.0, 900.0, 0.0]
            assert view.camera_mm(chest)[2] >= 999.9
            upright = np.linspace(0.0, 1800.0, 50)[:, None] * [0.0, 1.0, 0.0] + place.ground_mm
            assert np.linalg.norm(upright - view.eye_mm, axis=1).min() >= 999.0


def test_sides_are_as_named_and_all_occur(drawn) -> None:
    for view, places in drawn:
        towards = (view.eye_mm - HERE) * [1.0, 0.0, 1.0]
        towards /= np.linalg.norm(towards)
        for place in places:
            nearer = float((place.ground_mm - HERE) @ towards)
            low, high = {"front": (300.0, 1600.0), "beside": (-251.0, 251.0), "behind": (-3100.0, -600.0)}[place.side]
            assert low <= nearer <= high
    assert {place.side for _, places in drawn for place in places} == set(SIDES)
    assert {len(places) for _, places in drawn} == {0, 1, 2}


def test_nobody_else_is_nobody_and_draws_repeat() -> None:
    view = draw_viewpoint(np.random.default_rng(0), PERSON)
    assert draw_people_places(np.random.default_rng(1), view, PERSON, plan=NOBODY_ELSE) == []
    one, other = (
        draw_people_places(np.random.default_rng(4), view, PERSON, plan=PeopleRange((0, 1))) for _ in range(2)
    )
    assert [(p.yaw_rad, p.side) for p in one] == [(p.yaw_rad, p.side) for p in other]


def test_bad_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="counts"):
        PeopleRange(counts=(0.0,))
    with pytest.raises(ValueError, match="gap_mm"):
        PeopleRange(gap_mm=(500.0, 100.0))
