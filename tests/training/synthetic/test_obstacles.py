"""Obstacles hide the share of joints that a plan asks for, stand on the ground, and leave camera and body free."""

from __future__ import annotations

import numpy as np
import pytest
from standing import standing_mm

from training.synthetic.body_outline import body_points_mm
from training.synthetic.hiding import hidden_joints
from training.synthetic.obstacles import OBSTACLES_HEAVY, OBSTACLES_NONE, OBSTACLES_SOME, ObstacleRange, draw_obstacles
from training.synthetic.scene import FIRST_THING, NOBODY, Look, Placed
from training.synthetic.solids import ball, box
from training.synthetic.things import library
from training.synthetic.viewpoints import draw_viewpoint

THINGS = library()


def _scenes(plan: ObstacleRange, count: int = 150) -> list:
    rng, scenes = np.random.default_rng(11), []
    for number in range(count):
        person = standing_mm(turned_rad=float(number), lying=number % 8 == 7)
        view = draw_viewpoint(rng, person)
        scenes.append((person, view, draw_obstacles(rng, view, person, things=THINGS, plan=plan)))
    return scenes


@pytest.fixture(scope="module")
def heavy() -> list:
    return _scenes(OBSTACLES_HEAVY)


def _hidden(scene) -> np.ndarray:
    person, view, placed = scene
    hidden = np.zeros(17, bool)
    for one in placed:
        hidden |= hidden_joints(one, view.eye_mm, person)
    return hidden


def test_plans_hide_what_they_say(heavy) -> None:
    shares = np.array([_hidden(scene) for scene in heavy])
    assert 0.2 <= shares.mean() <= 0.5
    assert shares.mean(axis=1).max() <= OBSTACLES_HEAVY.hidden[1]
    assert (shares.mean(axis=0) > 0.1).all(), "every joint is hidden now and then"
    some = np.array([_hidden(scene).mean() for scene in _scenes(OBSTACLES_SOME)])
    assert 0.05 <= some.mean() <= 0.25
    assert (some == 0).mean() > 0.2
    assert all(placed == [] for _, _, placed in _scenes(OBSTACLES_NONE, 20))


def test_owners_count_from_the_first_thing(heavy) -> None:
    for _, _, placed in heavy:
        assert [one.owner for one in placed] == list(range(FIRST_THING, FIRST_THING + len(placed)))
        assert all(one.owner < NOBODY for one in placed)
        assert len(placed) <= OBSTACLES_HEAVY.count[1]


def test_nothing_reaches_into_the_camera(heavy) -> None:
    for _, view, placed in heavy:
        for one in placed:
            assert view.camera_mm(one.vertices_mm.astype(float))[:, 2].min() >= 199.9


def test_normals_have_unit_length_and_colours_are_matrices(heavy) -> None:
    for _, _, placed in heavy:
        for one in placed:
            assert one.vertices_mm.dtype == one.normals.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(one.normals, axis=1), 1.0, atol=1e-4)
            assert (one.cloth_rgb >= 0).all() and (one.cloth_rgb.sum(axis=1) < 2).all()


def test_furniture_stands_on_the_ground_and_outside_the_body() -> None:
    rng, plan = np.random.default_rng(5), ObstacleRange(hidden=(0.1, 0.9), places=(1.0, 0.0, 0.0))
    stood = 0
    for number in range(60):
        person = standing_mm(turned_rad=float(number))
        view = draw_viewpoint(rng, person)
        for one in draw_obstacles(rng, view, person, things=THINGS, plan=plan):
            stood += 1
            assert one.vertices_mm[:, 1].min() == pytest.approx(0.0, abs=0.5)
            assert not _inside_any_convex_box(one, body_points_mm(person))
    assert stood > 30


def _inside_any_convex_box(placed: Placed, points_mm: np.ndarray) -> bool:
    """Whether a point lies behind all faces' planes, which for a thing of many solids is stricter than inside."""
    corners = placed.vertices_mm.astype(float)[placed.look.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    height = np.einsum("pfi,fi->pf", points_mm[:, None] - corners[None, :, 0], normals)
    return bool((height < 0).all(axis=1).any())


def test_a_joint_is_hidden_behind_and_not_before_a_slab() -> None:
    slab = box((1000.0, 1000.0, 20.0), at_mm=(0.0, 0.0, 2000.0))
    look = Look("slab", slab.uv, slab.faces, (), ())
    placed = Placed(look, slab.vertices_mm, slab.normals, FIRST_THING, np.eye(3), np.eye(3))
    joints = np.array([[0, 0, 3000.0], [0, 0, 1000.0], [740, 0, 3000.0], [760, 0, 3000.0], [0, 0, -3000.0]])
    assert hidden_joints(placed, np.zeros(3), joints).tolist() == [True, False, True, False, False]


def test_a_ball_hides_what_its_disc_covers() -> None:
    rng, sphere = np.random.default_rng(1), ball((300.0, 300.0, 300.0), around=60)
    eye, middle = np.array([200.0, 1500.0, -3000.0]), np.array([100.0, 900.0, 400.0])
    look = Look("ball", sphere.uv, sphere.faces, (), ())
    placed = Placed(look, sphere.moved(middle).vertices_mm, sphere.normals, FIRST_THING, np.eye(3), np.eye(3))
    joints = np.array([100.0, 900.0, 2500.0]) + rng.uniform(-900, 900, (400, 3)) * [1.0, 1.0, 0.3]
    rays = (joints - eye) / np.linalg.norm(joints - eye, axis=1, keepdims=True)
    distance = np.linalg.norm(np.cross(middle - eye, rays), axis=1)
    clear = np.abs(distance - 300.0) > 3.0
    assert 0.1 < (distance < 300.0).mean() < 0.9
    assert np.array_equal(hidden_joints(placed, eye, joints)[clear], distance[clear] < 300.0)


def test_the_same_generator_draws_the_same() -> None:
    person = standing_mm()
    view = draw_viewpoint(np.random.default_rng(0), person)
    one, other = (
        draw_obstacles(np.random.default_rng(9), view, person, things=THINGS, plan=OBSTACLES_HEAVY) for _ in range(2)
    )
    assert [placed.look.name for placed in one] == [placed.look.name for placed in other]
    assert all(np.array_equal(a.vertices_mm, b.vertices_mm) for a, b in zip(one, other, strict=True))


def test_bad_plans_are_refused() -> None:
    for bad in ({"hidden": (0.5, 0.2)}, {"count": (3, 1)}, {"places": (0.0, 0.0, 0.0)}, {"free": 2.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            ObstacleRange(**bad)
