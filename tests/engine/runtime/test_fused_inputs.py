"""What the fused graph is told of a view puts every pixel of the crop where the lens shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.crop import Region, transformed
from engine.body.virtual_camera import VirtualView
from engine.runtime.fused_inputs import ViewNumbers

CAMERA = Camera.from_fov((1280, 720), 80.0)
BENT = replace(CAMERA, distortion=(-0.3, 0.1, 0.001, -0.002, 0.0))
REGION = Region((900.0, 250.0), 420.0, 0.3)


def view_of(camera: Camera) -> VirtualView:
    return VirtualView.of(camera, REGION.frame_from_crop(256), 256)


def test_places_of_the_crop_are_where_the_lens_shows_them() -> None:
    view = view_of(BENT)
    crop_px = np.random.default_rng(0).uniform(-100, 356, (50, 2))
    shown = (transformed(crop_px, view.frame_from_crop) - BENT.centre_px) / BENT.focal_px
    found = transformed((crop_px - 127.5) / 128, ViewNumbers.of(view).flat_from_crop.astype(np.float64))
    np.testing.assert_allclose(found, shown, atol=1e-6)


def test_sizes_are_logarithms_and_the_turn_is_that_of_the_view() -> None:
    view = view_of(CAMERA)
    numbers = ViewNumbers.of(view)
    np.testing.assert_allclose(np.exp(numbers.log_sizes), [view.half_tan, 420.0], rtol=1e-5)
    np.testing.assert_allclose(numbers.view_from_camera, view.rotation, atol=1e-6)


@pytest.mark.parametrize("camera", [CAMERA, BENT])
def test_the_lens_comes_with_its_reach_and_all_numbers_are_finite(camera: Camera) -> None:
    numbers = ViewNumbers.of(view_of(camera))
    np.testing.assert_allclose(numbers.distortion[:5], camera.distortion, rtol=1e-6)
    assert numbers.distortion[5] == pytest.approx(min(camera.reach, 1e9))
    stacked = ViewNumbers.stacked([view_of(camera)] * 3)
    assert all(np.isfinite(array).all() and len(array) == 3 and array.dtype == np.float32 for array in stacked.values())
