from pathlib import Path

import cv2
import numpy as np

from training.panorama import read_panorama
from training.synthetic.light import ROOT_OF_SRGB, SRGB_OF_ROOT, turned


def test_a_turned_panorama_is_the_one_read_with_that_turn(tmp_path: Path) -> None:
    noise = np.random.default_rng(4).integers(0, 255, (8, 16, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "sky.png"), cv2.resize(noise, (256, 128), interpolation=cv2.INTER_LINEAR))
    expected = read_panorama(tmp_path / "sky.png", turn_deg=90.0)
    got = turned(read_panorama(tmp_path / "sky.png", turn_deg=30.0), np.deg2rad(60.0))
    assert got.turn_rad == np.float64(expected.turn_rad) or abs(got.turn_rad - expected.turn_rad) < 1e-12
    np.testing.assert_allclose(got.ambient_rgb, expected.ambient_rgb, atol=2e-3)
    np.testing.assert_allclose(got.sun_direction, expected.sun_direction, atol=2e-3)
    np.testing.assert_array_equal(got.sun_rgb, expected.sun_rgb)


def test_turning_there_and_back_changes_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "sky.png"), np.random.default_rng(5).integers(0, 255, (64, 128, 3), np.uint8))
    once = read_panorama(tmp_path / "sky.png")
    np.testing.assert_allclose(turned(turned(once, 0.8), -0.8).ambient_rgb, once.ambient_rgb, atol=1e-5)


def test_roots_hold_srgb_within_one_step() -> None:
    there_and_back = SRGB_OF_ROOT[ROOT_OF_SRGB].astype(int)
    assert np.abs(there_and_back - np.arange(256)).max() <= 1
    assert (np.diff(SRGB_OF_ROOT.astype(int)) >= 0).all()
