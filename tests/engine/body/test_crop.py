import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.body.crop import PersonCrop, Region, inverted, transformed

regions = st.builds(
    Region,
    st.tuples(st.floats(-500, 2500), st.floats(-500, 2500)),
    st.floats(1, 3000),
    st.floats(-math.pi, math.pi),
)


@given(regions)
def test_centre_and_corners_of_the_crop_land_on_those_of_the_region(region):
    affine = region.frame_from_crop(256)
    np.testing.assert_allclose(transformed([127.5, 127.5], affine), region.centre_px, atol=1e-6)
    corners = [[-0.5, -0.5], [255.5, -0.5], [255.5, 255.5], [-0.5, 255.5]]
    np.testing.assert_allclose(transformed(corners, affine), region.corners_px, atol=1e-6)


@given(regions, st.floats(-100, 400), st.floats(-100, 400))
def test_inverted_undoes_the_map(region, x, y):
    affine = region.frame_from_crop(256)
    np.testing.assert_allclose(transformed(transformed([x, y], affine), inverted(affine)), [x, y], atol=1e-5)


def test_a_positive_angle_turns_clockwise_on_screen():
    right_edge = transformed([255.5, 127.5], Region((0.0, 0.0), 256, math.pi / 2).frame_from_crop(256))
    np.testing.assert_allclose(right_edge, [0, 128], atol=1e-9)


@pytest.mark.parametrize("values", [((0.0, 0.0), 0.0), ((math.nan, 0.0), 5.0), ((0.0, 0.0), 5.0, math.inf)])
def test_a_region_checks_itself(values):
    with pytest.raises(ValueError, match="region"):
        Region(*values)


def test_a_crop_checks_its_picture():
    with pytest.raises(ValueError, match="uint8"):
        PersonCrop(1, np.zeros((256, 256), np.uint8), np.eye(2, 3))
    with pytest.raises(ValueError, match="frame_from_crop"):
        PersonCrop(1, np.zeros((256, 256, 3), np.uint8), np.eye(3))
