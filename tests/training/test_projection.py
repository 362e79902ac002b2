"""The condition: the same pinhole as the live camera's, people inside the picture, as many hidden joints as asked."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import motion

from engine.body.camera import Camera
from engine.body.root import solve_root_mm
from training.cmu import F32
from training.pose_stream import PoseSampler
from training.projection import ProjectionRange, in_crop, pinhole, project_poses


@pytest.fixture(scope="module")
def poses() -> F32:
    return PoseSampler(motion("01"), 0, batch_size=400).batch(0)


def test_the_pinhole_is_the_live_cameras(poses: F32) -> None:
    drawn = project_poses(poses, np.random.default_rng(0), plan=ProjectionRange(noise=0.0, hidden=(0, 0)))
    for row in range(0, 400, 40):
        fov_deg = float(np.rad2deg(2 * np.arctan(1 / drawn.focal[row])))
        assert 30 <= fov_deg <= 100
        camera = Camera.from_fov((1281, 721), fov_deg)
        placed = poses[row] + drawn.root_mm[row]
        pixels = camera.project(placed)
        ours = pinhole(placed[None], drawn.focal[row : row + 1])[0]
        np.testing.assert_allclose(ours * 1281 / 2 + camera.centre_px, pixels, atol=1e-6)
        np.testing.assert_allclose(drawn.joints_2d[row], in_crop(pixels[None])[0], atol=1e-5)
        root = solve_root_mm(poses[row], pixels, weights=np.ones(17), camera=camera)
        np.testing.assert_allclose(root, drawn.root_mm[row], rtol=1e-3, atol=1)


def test_people_are_inside_the_picture_and_before_the_camera(poses: F32) -> None:
    drawn = project_poses(poses, np.random.default_rng(1), plan=ProjectionRange(fill=(0.2, 0.6)))
    placed = poses + drawn.root_mm[:, None]
    assert placed[..., 2].min() >= 699
    inside = np.abs(pinhole(placed, drawn.focal)).max(axis=(1, 2)) <= 1
    assert inside.mean() > 0.85  # near people look larger than their box at the pelvis's distance


def test_the_crop_holds_all_joints() -> None:
    picture = np.random.default_rng(0).normal(300, 80, (50, 17, 2))
    cropped = in_crop(picture)
    assert np.abs(cropped).max() <= 1 / 1.25 + 1e-9
    np.testing.assert_allclose(in_crop(picture * 3 - 70), cropped, atol=1e-9)


@pytest.mark.parametrize("count", [0, 4, 8, 17])
def test_exactly_as_many_joints_are_hidden_as_asked_for(poses: F32, count: int) -> None:
    drawn = project_poses(poses, np.random.default_rng(2), plan=ProjectionRange(hidden=(count, count)))
    assert ((~drawn.visible).sum(axis=1) == count).all()
    assert (drawn.joints_2d[~drawn.visible] == 0).all()
    assert drawn.features.shape == (400, 17, 3)
    assert (drawn.features[~drawn.visible] == 0).all()


def test_every_joint_is_hidden_at_times_and_the_number_varies(poses: F32) -> None:
    drawn = project_poses(poses, np.random.default_rng(3), plan=ProjectionRange(hidden=(0, 8)))
    assert (~drawn.visible).any(axis=0).all()
    assert set((~drawn.visible).sum(axis=1)) == set(range(9))


def test_noise_has_the_stated_spread(poses: F32) -> None:
    quiet, noisy = (
        project_poses(poses, np.random.default_rng(4), plan=ProjectionRange(noise=noise, hidden=(0, 0)))
        for noise in (0.0, 0.02)
    )
    assert np.std(noisy.joints_2d - quiet.joints_2d) == pytest.approx(0.02, rel=0.05)


def test_the_same_generator_gives_the_same_condition(poses: F32) -> None:
    one, other = (project_poses(poses, np.random.default_rng([7, 3])) for _ in range(2))
    np.testing.assert_array_equal(one.features, other.features)


@pytest.mark.parametrize(
    "wrong", [{"fov_deg": (90.0, 30.0)}, {"fill": (0.0, 1.0)}, {"hidden": (3, 18)}, {"noise": -1.0}]
)
def test_ranges_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProjectionRange(**wrong)  # type: ignore[arg-type]
