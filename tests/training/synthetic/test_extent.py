"""Where bodies appear: the piece of a crop that is drawn holds them, and nothing is left out that can be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from raster_scenes import BENT, ball, box, viewpoint

from training.synthetic import lens
from training.synthetic.extent import Piece, nearest_first
from training.synthetic.scene import Placed, Viewpoint

CROP_PX = 128


def towards_eye(seen: Viewpoint, share: float) -> Placed:
    """A ball on the way from the point that is looked at to the camera."""
    target_mm = np.array([0.0, 1000.0, 0.0])
    return ball(target_mm + share * (seen.eye_mm - target_mm), 60.0)


@pytest.mark.parametrize("distortion", [(0.0,) * 5, BENT])
def test_every_vertex_inside_the_crop_lies_inside_the_piece(distortion: tuple[float, ...]) -> None:
    seen, rng = viewpoint(distortion=distortion, angle_rad=0.5), np.random.default_rng(3)
    for _ in range(50):
        bodies = [ball(rng.uniform((-1500, 0, -1500), (1500, 2000, 1500)), rng.uniform(30, 400)) for _ in range(2)]
        rows, piece = nearest_first(seen, bodies)
        points_px = np.concatenate([seen.crop_px(one.vertices_mm.astype(np.float64)) for one in bodies])
        inside = points_px[((points_px > -0.5) & (points_px < CROP_PX - 0.5)).all(axis=1)]
        if not len(inside):
            continue
        assert piece is not None and rows
        low, high = np.array([piece.left, piece.top]), np.array([piece.right, piece.bottom])
        assert (inside >= low - 0.5).all() and (inside <= high - 0.5).all()
        assert (low >= 0).all() and (high <= CROP_PX).all() and (low % 32 == 0).all() and (high % 32 == 0).all()


def test_the_nearest_comes_first_and_what_misses_the_crop_is_left_out() -> None:
    seen = viewpoint()
    far, near, beside = towards_eye(seen, 0.0), towards_eye(seen, 0.5), ball((9000.0, 1000.0, 0.0), 60.0)
    assert nearest_first(seen, [far, beside, near])[0] == [2, 0]
    assert nearest_first(seen, [beside]) == ([], None)
    assert nearest_first(seen, []) == ([], None)


def test_what_reaches_the_cameras_plane_may_be_anywhere() -> None:
    seen = viewpoint()
    around = box(seen.eye_mm, (300.0,) * 3)
    assert nearest_first(seen, [towards_eye(seen, 0.0), around]) == ([1, 0], Piece(0, 0, CROP_PX, CROP_PX))


def test_points_bend_as_the_camera_bends_them() -> None:
    seen = viewpoint(distortion=BENT)
    flat = np.random.default_rng(5).uniform(-0.5, 0.5, (2, 40)).astype(np.float32)
    points_mm = np.vstack([flat, np.ones((1, 40))]).T
    bent = lens.bent(seen, flat).T * seen.camera.focal_px + seen.camera.centre_px
    np.testing.assert_allclose(bent, seen.camera.project(points_mm), atol=0.01)
    straight = replace(seen, camera=replace(seen.camera, distortion=(0.0,) * 5))
    np.testing.assert_allclose(lens.bent(straight, flat), flat, atol=1e-6)
