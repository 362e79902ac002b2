"""Drawn cameras keep to their ranges, see the person, and cut the crop that the line would cut."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from standing import standing_mm

from engine.body.crop import transformed
from engine.body.skeleton import H36M17
from training.synthetic.body_outline import body_points_mm
from training.synthetic.lenses import LensRange, draw_camera, ray_through
from training.synthetic.viewpoints import ViewpointError, ViewpointRange, draw_viewpoint, mirrored

COUNT = 2000
TRUNK = H36M17.rows("pelvis", "thorax")
PEOPLE = [standing_mm(), standing_mm(lying=True), standing_mm(x_mm=3000.0, z_mm=-2000.0, turned_rad=1.0)]


@pytest.fixture(scope="module")
def drawn() -> list:
    rng = np.random.default_rng(1)
    return [(person, draw_viewpoint(rng, person)) for person in (PEOPLE[i % len(PEOPLE)] for i in range(COUNT))]


def _fov_deg(camera) -> float:
    return 2 * math.degrees(math.atan(max(camera.size_wh) / 2 / camera.focal_px[0]))


def _inside(points_px, size_wh):
    return ((points_px >= 0) & (points_px <= np.array(size_wh) - 1)).all(axis=-1)


def _frame_px(person, view):
    return view.camera.project(view.camera_mm(person))


def test_ranges_hold(drawn) -> None:
    for person, view in drawn:
        body = body_points_mm(person)
        distance = np.linalg.norm((body.min(axis=0) + body.max(axis=0)) / 2 - view.eye_mm)
        assert 29.999 <= _fov_deg(view.camera) <= 100.001
        assert 99.9 <= view.eye_mm[1] <= 3000.1
        assert 599.0 <= distance <= 10_001.0
        assert view.camera_mm(body)[:, 2].min() >= 400.0
        np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(view.rotation) == pytest.approx(1.0)
        level = np.array([view.rotation[0, 1], view.rotation[1, 1]])  # where the world's up lies in the picture
        assert abs(math.degrees(math.atan2(level[0], -level[1]))) <= 40.001


def test_draws_reach_all_of_their_ranges(drawn) -> None:
    views = [view for _, view in drawn]
    fovs = [_fov_deg(view.camera) for view in views]
    heights = [view.eye_mm[1] for view in views]
    distances = [view.camera_mm(person[0])[2] for person, view in drawn]
    assert min(fovs) < 35 and max(fovs) > 95
    assert min(heights) < 300 and max(heights) > 2800
    assert min(distances) < 1500 and max(distances) > 8500
    sizes = np.array([view.camera.size_wh for view in views])
    assert 0.15 < (sizes[:, 0] < sizes[:, 1]).mean() < 0.6
    assert 0.1 < np.mean([any(view.camera.distortion) for view in views]) < 0.3


def test_the_frame_cuts_the_drawn_share_of_people(drawn) -> None:
    cut = [not _inside(_frame_px(person, view), view.camera.size_wh).all() for person, view in drawn]
    assert 0.18 < np.mean(cut) < 0.3


def test_a_part_of_the_trunk_is_in_the_frame(drawn) -> None:
    for person, view in drawn:
        assert _inside(_frame_px(person[TRUNK], view), view.camera.size_wh).any()


def test_joints_that_are_kept_are_in_every_frame() -> None:
    plan = ViewpointRange(
        distance_mm=(500.0, 2500.0), truncated=1.0, aim=((0.1, 0.9), (0.5, 1.4)), kept=("thorax", "neck_nose")
    )
    rng = np.random.default_rng(3)
    views = [draw_viewpoint(rng, PEOPLE[0], plan=plan) for _ in range(100)]
    seen = np.array([_inside(_frame_px(PEOPLE[0], view), view.camera.size_wh) for view in views])
    assert seen[:, H36M17.rows("thorax", "neck_nose")].all()
    assert seen[:, H36M17.rows("left_ankle", "right_ankle")].mean() < 0.3  # as before a webcam


def test_crop_pixels_are_the_cameras_pixels_through_the_affine_map(drawn) -> None:
    for person, view in drawn[:200]:
        through_frame = transformed(view.crop_px(person), view.frame_from_crop)
        np.testing.assert_allclose(through_frame, _frame_px(person, view), atol=1e-6)


def test_joints_of_whole_people_are_in_the_crop(drawn) -> None:
    crops = [
        view.crop_px(person) for person, view in drawn if _inside(_frame_px(person, view), view.camera.size_wh).all()
    ]
    held = _inside(np.array(crops), (256, 256))
    assert held.mean() > 0.99
    assert held.all(axis=1).mean() > 0.95


def test_the_trunk_points_upwards_in_most_crops(drawn) -> None:
    trunks = np.array([np.diff(view.crop_px(person[TRUNK]), axis=0)[0] for person, view in drawn])
    tilt = np.degrees(np.arctan2(trunks[:, 0], -trunks[:, 1]))
    assert np.median(np.abs(tilt)) < 5
    assert (np.abs(tilt) < 20).mean() > 0.85


def test_people_appear_in_all_parts_of_the_frame() -> None:
    rng, plan = np.random.default_rng(2), ViewpointRange(truncated=0.0, distance_mm=(5000.0, 10_000.0))
    places = np.array([_place(draw_viewpoint(rng, PEOPLE[0], plan=plan)) for _ in range(300)])
    assert (np.ptp(places, axis=0) > 0.5).all()


def _place(view):
    return _frame_px(PEOPLE[0][0], view) / view.camera.size_wh


def test_lenses_are_monotonic_inside_the_frame_and_do_not_fold_beyond_it() -> None:
    rng, plan = np.random.default_rng(3), ViewpointRange(lens=LensRange(bent=1.0))
    for _ in range(200):
        camera = draw_viewpoint(rng, PEOPLE[0], plan=plan).camera
        steps = np.linspace(0.0, 6.0, 121)
        angle = rng.uniform(0, 2 * math.pi)
        ray = np.stack([steps * math.cos(angle), steps * math.sin(angle), np.ones_like(steps)], axis=1)
        radius = np.linalg.norm(camera.project(ray) - camera.centre_px, axis=1)
        assert (np.diff(radius) > 0).all()
        corners = np.array([[0, 0], [camera.size_wh[0] - 1, camera.size_wh[1] - 1]], float)
        np.testing.assert_allclose(camera.project(camera.back_project(corners)), corners, atol=0.5)


def test_a_ray_in_plain_numbers_is_the_cameras() -> None:
    rng = np.random.default_rng(7)
    for bent in (0.0, 1.0):
        for _ in range(50):
            camera = draw_camera(rng, plan=LensRange(bent=bent))
            place = rng.uniform(-0.2, 1.2, 2) * camera.size_wh
            np.testing.assert_allclose(ray_through(camera, *place.tolist()), camera.back_project(place), atol=1e-9)


def test_distortion_is_opencvs() -> None:
    rng, plan = np.random.default_rng(4), ViewpointRange(lens=LensRange(bent=1.0))
    view = draw_viewpoint(rng, PEOPLE[0], plan=plan)
    rotation, _ = cv2.Rodrigues(view.rotation)
    shift = -view.rotation @ view.eye_mm
    pixels, _ = cv2.projectPoints(PEOPLE[0], rotation, shift, view.camera.K, np.array(view.camera.distortion))
    np.testing.assert_allclose(pixels[:, 0], _frame_px(PEOPLE[0], view), atol=1e-4)


def test_a_mirrored_viewpoint_sees_a_mirrored_world(drawn) -> None:
    for person, view in drawn[:200]:
        seen = mirrored(view).crop_px(person * [-1.0, 1.0, 1.0])
        expected = view.crop_px(person)
        expected[:, 0] = view.crop_size_px - 1 - expected[:, 0]
        np.testing.assert_allclose(seen, expected, atol=1e-6)
        again = mirrored(mirrored(view))
        np.testing.assert_allclose(again.frame_from_crop, view.frame_from_crop, atol=1e-9)
        assert np.linalg.det(mirrored(view).rotation) == pytest.approx(1.0)


def test_the_same_generator_draws_the_same() -> None:
    one, other = (draw_viewpoint(np.random.default_rng(5), PEOPLE[0]) for _ in range(2))
    assert one.camera == other.camera
    assert np.array_equal(one.frame_from_crop, other.frame_from_crop)
    assert not np.array_equal(one.eye_mm, draw_viewpoint(np.random.default_rng(6), PEOPLE[0]).eye_mm)


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ViewpointError, match="finite"):
        draw_viewpoint(rng, np.full((17, 3), np.nan))
    with pytest.raises(ViewpointError, match="greater distance"):
        draw_viewpoint(rng, PEOPLE[0], plan=ViewpointRange(distance_mm=(10.0, 20.0)))
    with pytest.raises(ValueError, match="truncated"):
        ViewpointRange(truncated=2.0)
    with pytest.raises(ValueError, match="aim is two ranges"):
        ViewpointRange(aim=((0.9, 0.1), (0.5, 1.4)))
    with pytest.raises(KeyError, match="no joint 'nose'; it has"):
        ViewpointRange(kept=("nose",))
    with pytest.raises(ValueError, match="fov_deg"):
        LensRange(fov_deg=(0.0, 200.0))
    with pytest.raises(ValueError, match="size_limits"):
        ViewpointRange(region=replace(ViewpointRange().region, size_limits=(2.0, 1.0)))
