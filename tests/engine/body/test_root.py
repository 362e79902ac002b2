import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.root import MIN_DEPTH_MM, solve_root_mm

CAMERA = Camera((900.0, 900.0), (640.0, 360.0), (1280, 720), "test", (-0.1, 0.02, 0.001, 0.0, 0.0))


@pytest.mark.parametrize("seed", range(5))
def test_the_root_of_a_projected_body_is_found(seed):
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, 300, (17, 3))
    root = np.array([rng.uniform(-800, 800), rng.uniform(-500, 500), rng.uniform(2500, 8000)])
    found = solve_root_mm(joints, CAMERA.project(joints + root), weights=np.ones(17), camera=CAMERA)
    np.testing.assert_allclose(found, root, rtol=1e-4, atol=0.5)


def test_a_joint_without_weight_does_not_pull():
    rng = np.random.default_rng(9)
    joints = rng.normal(0, 300, (17, 3))
    root = np.array([100.0, -50.0, 4000.0])
    pixels = CAMERA.project(joints + root)
    pixels[16] += 400
    weights = np.ones(17)
    weights[16] = 0
    found = solve_root_mm(joints, pixels, weights=weights, camera=CAMERA)
    assert np.abs(found - root).max() < 120
    assert np.abs(solve_root_mm(joints, pixels, weights=np.ones(17), camera=CAMERA) - root).max() > 120


def test_every_joint_stays_in_front_of_the_camera_whatever_the_pixels():
    rng = np.random.default_rng(3)
    joints = rng.normal(0, 300, (17, 3))
    mirrored = 2 * np.array(CAMERA.centre_px) - CAMERA.project(joints + [0, 0, 3000])
    root = solve_root_mm(joints, mirrored, weights=np.ones(17), camera=CAMERA)
    assert np.isfinite(root).all()
    assert (joints[:, 2] + root[2]).min() >= MIN_DEPTH_MM - 1
