"""Laws of regions and cutting: what is turned comes back, and pixels stay where the map says they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.blazepose.regions import region_around, shown_to_detector, turned_upright
from engine.blazepose.warp import cut, detector_input, landmark_input, place_parts
from engine.body.crop import PersonCrop, Region, inverted, transformed

coordinates = st.floats(-2000, 2000)


def test_upright_person_gives_an_upright_square() -> None:
    region = region_around([300, 400], [300, 200])
    assert region is not None
    assert region.angle_rad == 0
    assert region.size_px == 2 * 200 * 1.25


@given(st.tuples(coordinates, coordinates), st.floats(1, 1000), st.floats(-math.pi, math.pi))
def test_centre_and_scale_point_lie_upright_in_the_crop(
    centre: tuple[float, float], distance: float, angle_rad: float
) -> None:
    scale_point = (centre[0] + distance * math.sin(angle_rad), centre[1] - distance * math.cos(angle_rad))
    region = region_around(centre, scale_point)
    assert region is not None
    crop_from_frame = inverted(region.frame_from_crop(256))
    np.testing.assert_allclose(transformed(centre, crop_from_frame), [128, 128], atol=1e-4)
    np.testing.assert_allclose(transformed(scale_point, crop_from_frame), [128, 128 - 256 / 2.5], atol=1e-4)


@pytest.mark.parametrize(("centre", "scale"), [([5, 5], [5, 5]), ([math.nan, 0], [1, 1]), ([0, 0], [math.inf, 0])])
def test_points_without_a_direction_give_no_region(centre: list[float], scale: list[float]) -> None:
    assert region_around(centre, scale) is None


@given(st.floats(-math.pi, math.pi), st.tuples(coordinates, coordinates, coordinates))
def test_turning_back_undoes_the_turn_of_the_crop(angle_rad: float, direction: tuple[float, float, float]) -> None:
    """A direction in the frame, seen in the crop's axes, comes back; depth is not touched."""
    linear = Region((0.0, 0.0), 256.0, angle_rad).frame_from_crop(256)[:, :2]
    in_crop = np.array([*(np.linalg.inv(linear) @ direction[:2]), direction[2]], np.float32)
    np.testing.assert_allclose(turned_upright(in_crop, angle_rad), direction, atol=2e-2)


def ramp(width: int = 320, height: int = 240) -> np.ndarray:
    """A picture whose red is x / 2 and green is y / 2: its colour tells where a pixel came from."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x / 2, y / 2, np.full_like(x, 77)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("angle_deg", [0, 40, 90, -130])
def test_pixels_lie_where_the_map_says(angle_deg: float) -> None:
    region = Region((160.0, 120.0), 140.0, math.radians(angle_deg))
    picture, frame_from_crop = cut(ramp(), region, 64)
    PersonCrop(1, picture, frame_from_crop)
    y, x = np.mgrid[4:60:8, 4:60:8]
    places = transformed(np.stack([x, y], axis=-1), frame_from_crop)
    np.testing.assert_allclose(picture[y, x, :2], places / 2, atol=1.5)


@given(st.tuples(coordinates, coordinates), st.floats(1, 1000), st.floats(-math.pi, math.pi))
def test_places_are_sums_of_a_part_by_row_and_one_by_column(
    centre: tuple[float, float], size_px: float, angle_rad: float
) -> None:
    frame_from_crop = Region(centre, size_px, angle_rad).frame_from_crop(16)
    parts = place_parts(frame_from_crop, 16)
    assert parts.dtype == np.float32 and parts.shape == (2, 2, 16)
    y, x = np.mgrid[:16, :16]
    places = np.stack([parts[axis, 0, y] + parts[axis, 1, x] for axis in (0, 1)], axis=-1)
    np.testing.assert_allclose(places, transformed(np.stack([x, y], axis=-1), frame_from_crop), atol=2e-3)


def test_same_size_cut_is_the_picture_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    picture, _ = cut(image, Region((24.5, 24.5), 50.0), 50)
    np.testing.assert_array_equal(picture, image)


def test_outside_of_the_frame_is_its_edge_or_black() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    beyond = Region((0.0, 0.0), 80.0)
    assert (cut(image, beyond, 32)[0] == 200).all()
    black = cut(image, beyond, 32, outside="black")[0]
    assert (black[:15, :15] == 0).all() and (black[17:, 17:] == 200).all()


def test_whole_frame_is_in_the_detectors_picture() -> None:
    frame_from_crop = shown_to_detector((640, 360), 1280).frame_from_crop(224)
    corners = transformed([[0, 0], [1279, 719]], inverted(frame_from_crop))
    assert (corners >= 0).all() and (corners <= 224).all()
    np.testing.assert_allclose(corners.mean(axis=0), [112, 112], atol=0.2)


def test_network_inputs_span_their_ranges() -> None:
    image = np.array([[[0, 255, 51]]], np.uint8)
    np.testing.assert_allclose(landmark_input(image), [[[0, 1, 0.2]]], atol=1e-6)
    np.testing.assert_allclose(detector_input(image), [[[-1, 1, -0.6]]], atol=1e-6)
    assert landmark_input(image).dtype == detector_input(image).dtype == np.float32
