import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training.kinematics import (
    axis_rotation,
    forward,
    localised,
    nearest_rotation,
    rotation_of_quaternion,
    shortest_rotation,
)

directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


@pytest.mark.parametrize("axis", "XYZ")
def test_axis_rotation_agrees_with_scipy(axis: str) -> None:
    angles = np.linspace(-4, 4, 9)
    expected = Rotation.from_euler(axis.lower(), angles[:, None]).as_matrix()
    np.testing.assert_allclose(axis_rotation(axis, angles), expected, atol=1e-12)


def test_quaternions_agree_with_scipy_whatever_their_length() -> None:
    quaternions = np.random.default_rng(0).normal(size=(20, 4))
    np.testing.assert_allclose(
        rotation_of_quaternion(quaternions), Rotation.from_quat(quaternions).as_matrix(), atol=1e-12
    )


@given(directions, directions)
def test_shortest_rotation_turns_one_direction_into_the_other(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, other = np.array(a) / np.linalg.norm(a), np.array(b) / np.linalg.norm(b)
    if one @ other < -0.999:
        return
    rotation = shortest_rotation(one, other)
    np.testing.assert_allclose(rotation @ one, other, atol=1e-6)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    angle = np.arccos(np.clip(one @ other, -1, 1))
    assert np.trace(rotation) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-6)


def test_opposite_directions_have_no_shortest_rotation() -> None:
    with pytest.raises(ValueError, match="opposite"):
        shortest_rotation([1, 0, 0], [-2, 0, 0])


def test_nearest_rotation_keeps_rotations_and_never_mirrors() -> None:
    rotations = Rotation.random(10, random_state=1).as_matrix()
    np.testing.assert_allclose(nearest_rotation(rotations * 3.0), rotations, atol=1e-12)
    mirrored = nearest_rotation(rotations * [1, 1, -1])
    np.testing.assert_allclose(np.linalg.det(mirrored), 1.0)


def test_localised_undoes_forward() -> None:
    parents = (-1, 0, 1, 1, 0)
    local = Rotation.random(3 * 5, random_state=2).as_matrix().reshape(3, 5, 3, 3)
    turned, _ = forward(parents, local, np.ones((3, 5, 3)))
    np.testing.assert_allclose(localised(parents, turned), local, atol=1e-12)
