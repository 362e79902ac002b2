import math

import cv2
import numpy as np
import pytest

from engine.body.camera import Camera, CameraError

WIDE = Camera((600.0, 610.0), (320.5, 235.2), (640, 480), "test", (-0.28, 0.07, 0.001, -0.0007, 0.003))


def test_project_is_opencvs_model():
    points = np.random.default_rng(0).uniform([-500, -400, 1500], [500, 400, 4000], (50, 3))
    reference, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), WIDE.K, np.array(WIDE.distortion))
    np.testing.assert_allclose(WIDE.project(points), reference[:, 0], atol=1e-9)


def test_project_undoes_back_project():
    pixels = np.random.default_rng(1).uniform([20, 20], [620, 460], (50, 2))
    np.testing.assert_allclose(WIDE.project(WIDE.back_project(pixels) * 2500), pixels, atol=1e-6)


REAL = Camera((639.9, 639.5), (657.3, 336.3), (1280, 720), "test", (0.1689, -0.2266, 0.00143, 0.000415, 0.1061))
"""A wide lens as calibrated with OpenCV."""


@pytest.mark.parametrize("camera", [WIDE, REAL], ids=["barrel", "moustache"])
def test_every_pixel_of_the_picture_and_around_it_has_its_ray(camera):
    ends = np.array(camera.size_wh)
    pixels = np.stack(np.meshgrid(np.linspace(0, ends[0], 40), np.linspace(0, ends[1], 30)), axis=-1)
    np.testing.assert_allclose(camera.project(camera.back_project(pixels)), pixels, atol=1e-6)


@pytest.mark.parametrize("camera", [WIDE, REAL], ids=["barrel", "moustache"])
@pytest.mark.parametrize("pixel", [(-3000.0, 90.0), (1e7, -1e7), (0.0, 1e12)])
def test_pixels_far_outside_give_finite_rays(camera, pixel):
    ray = camera.back_project(np.array(pixel))
    assert np.isfinite(ray).all() and np.linalg.norm(ray[:2]) <= 10 + 1e-9


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_field_of_view_spans_the_longer_side(size):
    camera = Camera.from_fov(size, 55)
    ends = np.array([[-0.5, camera.centre_px[1]], [size[0] - 0.5, camera.centre_px[1]]])
    if size[1] > size[0]:
        ends = np.array([[camera.centre_px[0], -0.5], [camera.centre_px[0], size[1] - 0.5]])
    one, other = camera.back_project(ends)
    angle = math.acos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    assert math.degrees(angle) == pytest.approx(55, abs=0.01)
    assert "55" in camera.source


def test_resized_sees_the_same_rays():
    half = WIDE.resized((320, 240))
    corner = np.array([100.0, 50.0])
    np.testing.assert_allclose(half.back_project((corner + 0.5) / 2 - 0.5), WIDE.back_project(corner), atol=1e-9)


def test_toml_round_trip(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text("K = [[600, 0, 320], [0, 610, 240], [0, 0, 1]]\nsize = [640, 480]\ndistortion = [0.1, 0.2]\n")
    camera = Camera.from_toml(path)
    assert camera.focal_px == (600, 610)
    assert camera.distortion == (0.1, 0.2, 0, 0, 0)
    assert camera.source == "file desk.toml"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("size = [640, 480]", "K"),
        ("K = [[1, 2], [3, 4]]\nsize = [640, 480]", "(2, 2)"),
        ("K = [[600, 0, 320], [0, 610, 240], [0, 0, 1]]\nsize = 640", "expected"),
        ("K = [[-600, 0, 320], [0, 610, 240], [0, 0, 1]]\nsize = [640, 480]", "-600"),
        ("K = [[nan, 0, 320], [0, 610, 240], [0, 0, 1]]\nsize = [640, 480]", "finite"),
        ("K = [[", "TOML"),
    ],
)
def test_bad_camera_file_is_named(tmp_path, text, named):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(CameraError, match=r"bad\.toml") as caught:
        Camera.from_toml(path)
    assert named in str(caught.value)


def test_missing_camera_file_and_wild_fov(tmp_path):
    with pytest.raises(CameraError, match="cannot read"):
        Camera.from_toml(tmp_path / "none.toml")
    with pytest.raises(CameraError, match="180"):
        Camera.from_fov((640, 480), 180)


def test_no_ray_lies_beyond_the_reach_of_the_lens():
    far_px = np.random.default_rng(3).uniform(-20_000, 20_000, (200, 2))
    assert np.linalg.norm(WIDE.back_project(far_px)[:, :2], axis=1).max() <= WIDE.reach * (1 + 1e-9)
    assert Camera.from_fov((640, 480)).reach == math.inf
