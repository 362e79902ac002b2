"""What a drawn crop must obey, whatever stands in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
from raster_scenes import (
    BENT,
    ball,
    box,
    box_normals,
    mirrored_solid,
    mirrored_surroundings,
    mirrored_viewpoint,
    surroundings,
    viewpoint,
)

from engine.body.crop import transformed
from training.render import RenderError
from training.synthetic.raster import Raster
from training.synthetic.scene import FIRST_THING, NOBODY, THE_PERSON, Drawn, Placed

SIZE_PX = 128
SKY = surroundings()


@pytest.fixture(scope="module")
def raster() -> Iterator[Raster]:
    try:
        made = Raster(size_px=SIZE_PX)
    except RenderError as error:
        pytest.skip(str(error))
    with made:
        yield made


def assert_same(one: Drawn, other: Drawn) -> None:
    np.testing.assert_array_equal(one.image_rgb, other.image_rgb)
    np.testing.assert_array_equal(one.depth_mm, other.depth_mm)
    np.testing.assert_array_equal(one.owner, other.owner)


@pytest.mark.parametrize("distortion", [(0.0,) * 5, BENT])
@pytest.mark.parametrize("angle_rad", [0.0, 0.7])
def test_points_appear_where_the_viewpoint_says(
    raster: Raster, distortion: tuple[float, ...], angle_rad: float
) -> None:
    seen = viewpoint(distortion=distortion, angle_rad=angle_rad)
    rng = np.random.default_rng(1)
    centres_mm = rng.uniform((-900, 300, -900), (900, 1700, 900), (60, 3))
    checked = 0
    for at_mm, at in zip(centres_mm, seen.crop_px(centres_mm), strict=True):
        if not (at.min() > 6 and at.max() < SIZE_PX - 7):
            continue
        rows, columns = np.nonzero(raster.draw(seen, [ball(at_mm, 60.0)], SKY).owner == FIRST_THING)
        np.testing.assert_allclose([columns.mean(), rows.mean()], at, atol=0.3)
        checked += 1
    assert checked > 30


def test_depth_is_that_of_the_plane_through_each_pixel_centre(raster: Raster) -> None:
    seen = viewpoint(distortion=BENT, angle_rad=0.3)
    wall = box((0.0, 1000.0, -500.0), (4000.0, 4000.0, 500.0), cells=60)
    drawn = raster.draw(seen, [wall], SKY)
    grid = np.stack(np.meshgrid(np.arange(SIZE_PX), np.arange(SIZE_PX)), axis=-1)
    rays = seen.camera.back_project(transformed(grid, seen.frame_from_crop)) @ seen.rotation
    expected = -seen.eye_mm[2] / rays[..., 2]  # rays have z = 1 in the camera; the wall's face is the plane z = 0
    assert (drawn.owner == FIRST_THING).all()
    np.testing.assert_allclose(drawn.depth_mm, expected, rtol=2e-3)
    assert np.median(np.abs(drawn.depth_mm - expected)) < 0.5


def test_the_nearer_surface_owns_the_pixel_whatever_the_order(raster: Raster) -> None:
    seen = viewpoint()
    person = box((0.0, 900.0, 0.0), (200.0, 900.0, 150.0), name="person", owner=THE_PERSON)
    middle = tuple(np.rint(seen.crop_px(np.array([0.0, 900.0, 0.0]))).astype(int)[::-1])
    towards = np.array([seen.eye_mm[0], 0.0, seen.eye_mm[2]]) / 3200.0
    for side, owner in ((600.0, FIRST_THING), (-600.0, THE_PERSON)):
        thing = box(np.array([0.0, 900.0, 0.0]) + side * towards, (100.0,) * 3, name="thing")
        for scene in ([person, thing], [thing, person]):
            drawn = raster.draw(seen, scene, SKY)
            assert drawn.owner[middle] == owner
            assert (drawn.owner == FIRST_THING).any() == (owner == FIRST_THING)
    np.testing.assert_array_equal(np.isinf(drawn.depth_mm), drawn.owner == NOBODY)
    assert (drawn.owner == NOBODY).any()


def test_a_mirrored_scene_gives_the_mirrored_picture(raster: Raster) -> None:
    seen = viewpoint(distortion=BENT, angle_rad=0.2)
    sky = replace(SKY, image_rgb=np.random.default_rng(2).integers(0, 255, SKY.image_rgb.shape, np.uint8))
    sky = replace(sky, ambient_rgb=sky.ambient_rgb + np.random.default_rng(3).normal(size=(9, 3)) * 0.1)
    things = [
        box_normals(box((-300.0, 800.0, 100.0), (150.0, 800.0, 150.0), rgb=(200, 120, 40), owner=THE_PERSON)),
        box_normals(box((500.0, 250.0, 500.0), (250.0, 250.0, 250.0), name="other")),
    ]
    drawn = raster.draw(seen, things, sky)
    mirror = raster.draw(mirrored_viewpoint(seen), [mirrored_solid(one) for one in things], mirrored_surroundings(sky))
    off = np.abs(drawn.image_rgb.astype(int) - mirror.image_rgb[:, ::-1])
    assert off.mean() < 0.3
    assert np.percentile(off, 99) <= 6
    assert (drawn.owner != mirror.owner[:, ::-1]).mean() < 0.002
    both = np.isfinite(drawn.depth_mm) & np.isfinite(mirror.depth_mm[:, ::-1])
    assert np.median(np.abs(drawn.depth_mm[both] - mirror.depth_mm[:, ::-1][both])) < 0.1


def test_nothing_drawn_before_changes_a_byte(raster: Raster) -> None:
    scene = [
        box((0.0, 900.0, 0.0), (200.0, 900.0, 150.0), name="person", owner=THE_PERSON),
        box((400.0, 300.0, 600.0), (150.0, 300.0, 150.0), rgb=(200, 30, 30)),
    ]
    first = raster.draw(viewpoint(), scene, SKY)
    elsewhere = replace(SKY, image_rgb=SKY.image_rgb[::-1].copy(), turn_rad=1.0)
    raster.draw(viewpoint(distortion=BENT, side_px=90.0), [box((0, 0, 0), (900,) * 3, cells=2)], elsewhere, exposure=2)
    assert_same(first, raster.draw(viewpoint(), scene, SKY))
    with Raster(size_px=SIZE_PX, kept_bytes=1) as forgetful:
        forgetful.draw(viewpoint(), scene[1:], elsewhere)
        assert_same(first, forgetful.draw(viewpoint(), scene, SKY))
        assert_same(first, forgetful.draw(viewpoint(), scene, SKY))


def test_another_look_of_the_same_name_is_not_taken_for_the_old_one(raster: Raster) -> None:
    red = box((0.0, 900.0, 0.0), (300.0,) * 3, name="thing", rgb=(250, 0, 0))
    blue = box((0.0, 900.0, 0.0), (300.0,) * 3, name="thing", rgb=(0, 0, 250), cells=3)
    raster.draw(viewpoint(), [red], SKY)
    drawn = raster.draw(viewpoint(), [blue], SKY)
    inside = drawn.image_rgb[drawn.owner == FIRST_THING].mean(axis=0)
    assert inside[2] > inside[0] + 60
    with pytest.raises(ValueError, match="two different looks"):
        raster.draw(viewpoint(), [red, blue], SKY)


def test_two_bodies_of_one_look_stand_in_two_places(raster: Raster) -> None:
    one = box((-500.0, 900.0, 0.0), (150.0,) * 3, name="twin", owner=1)
    other = replace(one, vertices_mm=one.vertices_mm + np.float32([1000, 0, 0]), owner=2)
    drawn = raster.draw(viewpoint(side_px=480.0), [one, other], SKY)
    assert np.nonzero(drawn.owner == 1)[1].mean() < np.nonzero(drawn.owner == 2)[1].mean() - 20


def test_the_sky_is_above_and_a_body_takes_light_from_the_ground(raster: Raster) -> None:
    seen = viewpoint()
    touching, raised = (box((0.0, y_mm, 0.0), (150.0, 30.0, 150.0), name=f"at {y_mm}") for y_mm in (40.0, 300.0))
    plain = raster.draw(seen, [], SKY).image_rgb.astype(int)
    np.testing.assert_allclose(plain[0, 0], (90, 160, 255), atol=3)

    def darker(plate: Placed, at_mm: tuple[float, float, float]) -> float:
        column, row = np.rint(seen.crop_px(np.array(at_mm))).astype(int)
        return float((plain - raster.draw(seen, [plate], SKY).image_rgb)[row, column].mean())

    assert darker(touching, (-170.0, 0.0, 0.0)) > 10  # on the sun's side, where only the sky is hidden
    assert darker(raised, (214.0, 0.0, -257.0)) > 10  # its shadow, 0.43 m away from it
    assert abs(darker(raised, (-900.0, 0.0, 900.0))) < 2


def test_colour_matrices_act_on_skin_and_cloth_apart(raster: Raster) -> None:
    plain = box((0.0, 900.0, 0.0), (300.0,) * 3, name="cloth")
    texture = plain.look.textures_rgba[0].copy()
    texture[..., 3] = 255
    skin = replace(plain, look=replace(plain.look, name="skin", textures_rgba=(texture,)))
    only_red, only_green = np.diag([1.0, 0.0, 0.0]), np.diag([0.0, 1.0, 0.0])
    for one, channel in ((plain, 0), (skin, 1)):
        drawn = raster.draw(viewpoint(), [replace(one, cloth_rgb=only_red, skin_rgb=only_green)], SKY)
        assert drawn.image_rgb[drawn.owner == FIRST_THING].mean(axis=0).argmax() == channel


def test_what_does_not_fit_is_refused(raster: Raster) -> None:
    thing = box((0.0, 900.0, 0.0), (300.0,) * 3)
    with pytest.raises(ValueError, match="crops of 128 px, not 64"):
        raster.draw(viewpoint(crop_size_px=64), [thing], SKY)
    with pytest.raises(ValueError, match="box needs"):
        raster.draw(viewpoint(), [replace(thing, vertices_mm=thing.vertices_mm[1:])], SKY)
    with pytest.raises(ValueError, match=r"owner lies in 0\.\.254, got 255"):
        raster.draw(viewpoint(), [replace(thing, owner=NOBODY)], SKY)


def test_a_scene_without_bodies_is_the_background(raster: Raster) -> None:
    drawn = raster.draw(viewpoint(), [], SKY)
    assert (drawn.owner == NOBODY).all()
    assert np.isinf(drawn.depth_mm).all()


def test_memory_stays_flat_over_many_draws(raster: Raster) -> None:
    statm, page = Path("/proc/self/statm"), os.sysconf("SC_PAGE_SIZE")
    held = []
    with Raster(size_px=SIZE_PX, kept_bytes=200_000) as small:
        for i in range(360):
            looks = [box((0.0, 900.0, 0.0), (300.0,) * 3, name=f"box {(i + k) % 50}", owner=k) for k in range(2)]
            sky = replace(SKY, image_rgb=SKY.image_rgb.copy())
            small.draw(viewpoint(), looks, sky)
            held.append(int(statm.read_text().split()[1]) * page)
    assert max(held[240:]) - max(held[60:180]) < 4 << 20


def test_a_machine_without_a_driver_says_what_to_install() -> None:
    code = "from training.synthetic.raster import Raster; Raster()"
    env = {**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent"}
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "RenderError: no off-screen OpenGL" in done.stderr
    assert "apt install libegl1 libgl1-mesa-dri" in done.stderr
