"""A drawn crop with repeated edges is what the product cuts of the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
from standing import standing_mm

from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import Region, transformed
from training.synthetic.edges import outside_frame, with_edges_repeated
from training.synthetic.scene import NOBODY, Drawn, Viewpoint
from training.synthetic.viewpoints import ViewpointRange, draw_viewpoint

SIZE_WH = (320, 200)
REGIONS = [
    Region((160.0, 100.0), 150.0, 0.3),
    Region((160.0, 180.0), 180.0),
    Region((300.0, 60.0), 220.0, -0.4),
    Region((20.0, 20.0), 160.0, 0.5),
    Region((160.0, 100.0), 700.0, 0.2),
]


def _pattern(places: np.ndarray) -> np.ndarray:
    """Soft waves of three colours at any place, so that sampling errors stay small."""
    x, y = places[..., 0], places[..., 1]
    waves = np.stack([np.sin(x / 15 + y / 40), np.cos(y / 12 - x / 50), np.sin((x + y) / 20)], axis=-1)
    return np.round(127.5 + 120 * waves).astype(np.uint8)


def _frame_px(view: Viewpoint) -> np.ndarray:
    return transformed(np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1), view.frame_from_crop)


def _view(region: Region) -> Viewpoint:
    return Viewpoint(Camera.from_fov(SIZE_WH), np.eye(3), np.zeros(3), region.frame_from_crop(256))


def _drawn(view: Viewpoint) -> Drawn:
    """The pattern inside the frame; outside something that must not be seen."""
    image = _pattern(_frame_px(view))
    image[outside_frame(view)] = (255, 0, 255)
    return Drawn(image, np.full((256, 256), 2000.0, np.float32), np.zeros((256, 256), np.uint8))


def _frame() -> np.ndarray:
    return _pattern(np.stack(np.meshgrid(np.arange(SIZE_WH[0]), np.arange(SIZE_WH[1])), axis=-1))


@pytest.mark.parametrize("region", REGIONS)
def test_the_crop_is_the_products_cut_of_the_whole_frame(region: Region) -> None:
    view = _view(region)
    painted = with_edges_repeated(_drawn(view), view).image_rgb
    expected, _ = cut(_frame(), region, 256)
    error = np.abs(painted.astype(int) - expected.astype(int)).max(axis=-1)
    # Colours that lie at an edge beyond the crop are nowhere in it; all others may come from one and a half of the
    # crop's pixels beside, where the pattern differs by up to ten levels per pixel of the frame.
    known = _clamped_place_is_drawn(view)
    allowed = 15 * region.size_px / 256 + 4
    assert np.percentile(error[known], 99) <= allowed
    assert (error[known & ~outside_frame(view)] <= 6).mean() > 0.99
    assert known.mean() > 0.6


def _clamped_place_is_drawn(view: Viewpoint) -> np.ndarray:
    places = np.clip(_frame_px(view), 0, np.array(SIZE_WH) - 1)
    linear = np.linalg.inv(view.frame_from_crop[:, :2])
    pixels = (places - view.frame_from_crop[:, 2]) @ linear.T
    return ((pixels >= -0.5) & (pixels <= 255.5)).all(axis=-1)


@pytest.mark.parametrize("region", REGIONS[1:])
def test_nobody_is_seen_outside_the_frame_and_all_is_kept_inside(region: Region) -> None:
    view = _view(region)
    before, outside = _drawn(view), outside_frame(view)
    after = with_edges_repeated(before, view)
    assert (after.owner[outside] == NOBODY).all() and np.isinf(after.depth_mm[outside]).all()
    assert (after.owner[~outside] == 0).all() and np.isfinite(after.depth_mm[~outside]).all()
    assert np.array_equal(after.image_rgb[~outside], before.image_rgb[~outside])
    assert (before.owner == 0).all(), "the caller's arrays stay as they are"


@pytest.mark.parametrize("region", REGIONS)
def test_no_colour_comes_from_outside_the_frame(region: Region) -> None:
    view = _view(region)
    painted = with_edges_repeated(_drawn(view), view).image_rgb.astype(int)
    leaked = (painted[..., 0] > 252) & (painted[..., 1] < 3) & (painted[..., 2] > 252)
    assert leaked.mean() < 0.001


def test_a_crop_inside_the_frame_is_left_alone() -> None:
    view = _view(REGIONS[0])
    drawn = _drawn(view)
    assert with_edges_repeated(drawn, view) is drawn


def test_a_crop_outside_the_frame_shows_nobody() -> None:
    view = _view(Region((900.0, 100.0), 100.0))
    assert (with_edges_repeated(_drawn(view), view).owner == NOBODY).all()


def test_every_drawn_viewpoint_can_be_painted() -> None:
    rng, plan = np.random.default_rng(0), ViewpointRange(truncated=1.0)
    shares = []
    for _ in range(40):
        view = draw_viewpoint(rng, standing_mm(), plan=plan)
        image = np.full((256, 256, 3), 90, np.uint8)
        outside = outside_frame(view)
        image[outside] = 255
        painted = with_edges_repeated(
            Drawn(image, np.ones((256, 256), np.float32), np.zeros((256, 256), np.uint8)), view
        )
        shares.append(outside.mean())
        assert (painted.image_rgb == 90).all(axis=-1).mean() > 0.97
    assert np.mean(shares) > 0.1
