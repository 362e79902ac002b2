"""Laws of the virtual camera: it agrees with the real one, and neither tilt nor roll nor place bends a pose."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.crop import Region, inverted, transformed
from engine.body.virtual_camera import VirtualView

CAMERA = Camera.from_fov((1280, 720), 80.0)
BENT = replace(CAMERA, distortion=(-0.12, 0.02, 0.001, -0.002, 0.0))
REGION = Region((900.0, 250.0), 420.0, 0.3)
SIZE = 256


def view_of(camera: Camera = CAMERA, region: Region = REGION) -> VirtualView:
    return VirtualView.of(camera, region.frame_from_crop(SIZE), SIZE)


def person_mm(camera: Camera = CAMERA, region: Region = REGION) -> np.ndarray:
    """(17, 3) points around where the region's middle is seen, in camera axes."""
    ray = camera.back_project(np.array(region.centre_px))
    return np.random.default_rng(0).normal(0, 300, (17, 3)) + 3000 * ray


def turn(axis: int, angle_rad: float) -> np.ndarray:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    matrix, (a, b) = np.eye(3), [row for row in range(3) if row != axis]
    matrix[[a, a, b, b], [a, b, a, b]] = cos, -sin, sin, cos
    return matrix


@pytest.mark.parametrize("camera", [CAMERA, BENT])
def test_there_and_back(camera: Camera) -> None:
    view = view_of(camera)
    points_px = np.random.default_rng(1).uniform(0, SIZE, (50, 2))
    np.testing.assert_allclose(view.crop_px(view.rays(points_px)), points_px, atol=1e-6)
    points_mm = person_mm(camera)
    np.testing.assert_allclose(view.into_camera(view.into_view(points_mm)), points_mm, atol=1e-9)
    np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("camera", [CAMERA, BENT])
def test_both_cameras_see_a_joint_at_the_same_place(camera: Camera) -> None:
    view, points_mm = view_of(camera), person_mm(camera)
    seen_px = transformed(camera.project(points_mm), inverted(view.frame_from_crop))
    virtual = view.into_view(points_mm)
    np.testing.assert_allclose(view.rays(seen_px) * view.half_tan, virtual[:, :2] / virtual[:, 2:], atol=1e-6)


def test_the_middle_of_the_crop_lies_ahead_and_its_y_axis_downwards() -> None:
    view = view_of()
    middle = (SIZE - 1) / 2
    np.testing.assert_allclose(view.rays([middle, middle]), 0, atol=1e-9)
    x, y = view.rays([middle, middle + 1])
    assert y > 0 and abs(x) < 1e-3 * y
    assert view.rays([middle + 1, middle])[0] > 0


def test_the_edge_of_a_crop_in_the_middle_of_the_picture_is_one() -> None:
    region = Region(CAMERA.centre_px, 500.0, 0.2)
    view = view_of(region=region)
    assert view.half_tan == pytest.approx(250.0 / CAMERA.focal_px[0])
    np.testing.assert_allclose(np.abs(view.rays([[-0.5, 127.5], [127.5, 255.5]])).max(axis=1), 1.0, atol=1e-6)


def test_rolling_the_camera_and_the_crop_turns_nothing() -> None:
    points_mm, angle = person_mm(), 0.4
    square = replace(CAMERA, size_wh=(2000, 2000))
    rolled_mm = points_mm @ turn(2, angle).T
    centre = np.array(REGION.centre_px) - CAMERA.centre_px
    moved = turn(2, angle)[:2, :2] @ centre + CAMERA.centre_px
    rolled = Region((float(moved[0]), float(moved[1])), REGION.size_px, REGION.angle_rad + angle)
    before, after = view_of(square), view_of(square, rolled)
    np.testing.assert_allclose(after.into_view(rolled_mm), before.into_view(points_mm), atol=1e-6)
    assert after.half_tan == pytest.approx(before.half_tan)


@pytest.mark.parametrize("axis,angle", [(0, 0.35), (1, -0.5), (0, -0.2)])
def test_tilting_the_camera_bends_no_pose(axis: int, angle: float) -> None:
    """The same person, the camera turned on its spot, the crop cut around the same middle and along the same line."""
    points_mm, up_mm = person_mm(), np.array([0.0, -60.0, 0.0])
    before = VirtualView.of(CAMERA, _cut(points_mm.mean(axis=0), up_mm), SIZE)
    tilt = turn(axis, angle)
    after = VirtualView.of(CAMERA, _cut(tilt @ points_mm.mean(axis=0), tilt @ up_mm), SIZE)
    np.testing.assert_allclose(after.into_view(points_mm @ tilt.T), before.into_view(points_mm), atol=3.0)


def _cut(middle_mm: np.ndarray, up_mm: np.ndarray) -> np.ndarray:
    """The crop around a point whose upwards direction is that of a short line through the point."""
    middle, above = CAMERA.project(middle_mm), CAMERA.project(middle_mm + up_mm)
    x, y = above - middle
    return Region((float(middle[0]), float(middle[1])), 400.0, math.atan2(x, -y)).frame_from_crop(SIZE)


def test_every_pixel_has_a_finite_ray() -> None:
    view = view_of(BENT, Region((20.0, 20.0), 3000.0, 1.0))
    assert np.isfinite(view.rays(np.random.default_rng(2).uniform(-5000, 5000, (200, 2)))).all()


def test_a_map_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="finite and invertible"):
        VirtualView.of(CAMERA, np.zeros((2, 3)), SIZE)
