"""What the live model is told: the network's answer, in the axes of the crop's virtual camera."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.blazepose.landmarks import PEAKS, POINTS, CropLandmarks
from engine.body.camera import Camera
from engine.body.crop import Region
from engine.body.virtual_camera import VirtualView
from engine.runtime.blazepose_encoder import Encoding
from engine.runtime.live_numbers import DEPTH, PEAK, RAY, SEEN, WORLD, LiveNumbers

CAMERA = Camera.from_fov((1280, 720), 70.0)


@pytest.fixture
def encoding() -> Encoding:
    rng = np.random.default_rng(0)

    def values(*shape: int) -> np.ndarray:
        return rng.random(shape).astype(np.float32)

    landmarks = CropLandmarks(
        points_px=values(POINTS, 2) * 256,
        depth_px=values(POINTS) * 100,
        visibility=values(POINTS),
        in_picture=values(POINTS),
        world_m=values(POINTS, 3),
        presence=0.75,
        peaks=values(33, PEAKS, 3),
    )
    return Encoding(landmarks, {"trunk_2": values(288, 2, 2), "trunk_4": values(288, 4, 4)}, values(33, 48))


def view(angle_rad: float = 0.0) -> VirtualView:
    return VirtualView.of(CAMERA, Region((700.0, 300.0), 512.0, angle_rad).frame_from_crop(256), 256)


def test_columns_hold_what_their_names_say(encoding: Encoding) -> None:
    seen, found = view(), encoding.landmarks
    numbers = LiveNumbers.of(encoding, seen)
    np.testing.assert_allclose(numbers.points[:, RAY], seen.rays(found.points_px[:33]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers.points[:, DEPTH][:, 0], found.depth_px[:33] / 128)
    np.testing.assert_allclose(numbers.points[:, WORLD], found.world_m[:33])
    np.testing.assert_allclose(numbers.points[:, SEEN], np.stack([found.visibility, found.in_picture], axis=1)[:33])
    peaks = numbers.points[:, PEAK].reshape(33, PEAKS, 3)
    np.testing.assert_allclose(peaks[..., :2], seen.rays(found.peaks[..., :2]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(peaks[..., 2], found.peaks[..., 2])
    np.testing.assert_allclose(numbers.view, [math.log(seen.half_tan), 0.75, math.log(512)], rtol=1e-5)


def test_a_map_is_read_row_by_row(encoding: Encoding) -> None:
    numbers = LiveNumbers.of(encoding, view())
    assert numbers.trunk_2.shape == (4, 288) and numbers.trunk_4.shape == (16, 288)
    np.testing.assert_array_equal(numbers.trunk_4[4 * 2 + 1], encoding.maps["trunk_4"][:, 2, 1])


def test_landmarks_far_outside_end_somewhere(encoding: Encoding) -> None:
    encoding.landmarks.points_px[3] = 1e6
    assert np.abs(LiveNumbers.of(encoding, view(0.5)).points[:, RAY]).max() <= 4.0


def test_an_encoder_without_the_maps_is_refused(encoding: Encoding) -> None:
    with pytest.raises(ValueError, match="trunk_2, trunk_4"):
        LiveNumbers.of(replace(encoding, maps={}), view())
