"""Rays found by ONNX operations are those of the virtual camera, whatever the lens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx_pieces import ran

from engine.body.camera import Camera
from engine.body.crop import Region, transformed
from engine.body.virtual_camera import VirtualView
from engine.build.fused_rays import rays
from engine.build.graph_writer import GraphWriter
from engine.runtime.fused_inputs import ViewNumbers
from engine.runtime.live_numbers import FARTHEST_RAY

SIZE_WH = (1280, 720)
LENSES = {
    "none": (70.0, (0.0, 0.0, 0.0, 0.0, 0.0)),
    "webcam": (80.0, (-0.12, 0.02, 0.001, -0.002, 0.0)),
    "wide": (120.0, (-0.03, 0.002, 0.0005, -0.0005, 0.0)),
    "strong": (110.0, (-0.30, 0.12, 0.0, 0.0, -0.02)),
    "action camera": (94.0, (-0.26, 0.09, 0.0003, -0.0006, -0.015)),
    "pincushion": (90.0, (0.15, 0.05, 0.001, 0.001, 0.0)),
}
"""Degrees that the focal length alone would give, and distortion."""
REGIONS = [
    Region((640.0, 360.0), 700.0, 0.0),
    Region((1000.0, 300.0), 600.0, 0.3),
    Region((200.0, 360.0), 400.0, -1.2),
    Region((640.0, 360.0), 1400.0, 0.3),
    Region((900.0, 500.0), 60.0, 2.0),
]
SHARE_OF_HALF_ANGLE = 5e-4


def views_of(lens: str) -> list[VirtualView]:
    degrees, distortion = LENSES[lens]
    focal = SIZE_WH[0] / 2 / np.tan(np.radians(degrees) / 2)
    camera = replace(Camera.from_fov(SIZE_WH), focal_px=(focal, 0.98 * focal), distortion=distortion)
    return [VirtualView.of(camera, region.frame_from_crop(256), 256) for region in REGIONS]


def found_rays(views: list[VirtualView], crop_px: np.ndarray) -> np.ndarray:
    piece = GraphWriter("exact/")
    units = ((crop_px - 127.5) / 128).astype(np.float32)
    (found,) = ran(piece, [rays(piece, "units")], units=units, **ViewNumbers.stacked(views))
    return found


def cut_off(views: list[VirtualView], crop_px: np.ndarray) -> np.ndarray:
    wanted = [view.rays(points) for view, points in zip(views, crop_px, strict=True)]
    return np.clip(np.stack(wanted), -FARTHEST_RAY, FARTHEST_RAY)


@pytest.mark.parametrize("lens", LENSES)
def test_rays_of_the_picture_are_those_of_the_virtual_camera(lens: str) -> None:
    views = views_of(lens)
    crop_px = np.random.default_rng(0).uniform(-260, 516, (len(views), 3000, 2))
    frame_px = [transformed(points, view.frame_from_crop) for points, view in zip(crop_px, views, strict=True)]
    inside = ((np.stack(frame_px) >= 0) & (np.stack(frame_px) < SIZE_WH)).all(axis=-1)
    off = np.abs(found_rays(views, crop_px) - cut_off(views, crop_px))
    assert inside.sum(axis=1).min() > 100
    assert off[inside].max() < SHARE_OF_HALF_ANGLE
    if lens == "none":
        assert off.max() < 2e-5


@pytest.mark.parametrize("lens", LENSES)
def test_far_outside_of_the_picture_rays_stay_finite_and_end_where_they_should(lens: str) -> None:
    views = views_of(lens)
    crop_px = np.random.default_rng(1).uniform(-5000, 5000, (len(views), 500, 2))
    found = found_rays(views, crop_px)
    assert np.isfinite(found).all() and np.abs(found).max() <= FARTHEST_RAY


@pytest.mark.parametrize("lens", ["none", "action camera"])
def test_the_middle_of_the_crop_lies_ahead(lens: str) -> None:
    views = views_of(lens)
    found = found_rays(views, np.full((len(views), 1, 2), 127.5))
    assert np.abs(found).max() < SHARE_OF_HALF_ANGLE
