"""Flaws change the picture and not what it shows, in known ways, and the same way for the same draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.body.crop import Region
from training.synthetic.flawed import flawed
from training.synthetic.flaws import NO_FLAWS, FlawRange, Flaws, draw_flaws, side_px

NATIVE = Region((500.0, 400.0), 256.0, 0.4).frame_from_crop(256)


@pytest.fixture
def picture() -> np.ndarray:
    """Soft shapes and sharp edges."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 220, (16, 16, 3)).astype(np.uint8)
    return np.ascontiguousarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8)))


def _detail(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_the_side_is_that_of_the_region() -> None:
    assert side_px(Region((1.0, 2.0), 731.0, -1.1).frame_from_crop(256), 256) == pytest.approx(731.0)


def test_every_draw_gives_a_picture_of_the_same_shape(picture) -> None:
    rng, before = np.random.default_rng(1), picture.copy()
    for side in np.geomspace(8, 4000, 120):
        image = flawed(picture, draw_flaws(rng, Region((0.0, 0.0), float(side)).frame_from_crop(256)))
        assert image.shape == (256, 256, 3) and image.dtype == np.uint8
    assert np.array_equal(picture, before)


def test_the_same_generator_gives_the_same_picture(picture) -> None:
    one, other = (flawed(picture, draw_flaws(np.random.default_rng(7), NATIVE)) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, flawed(picture, draw_flaws(np.random.default_rng(8), NATIVE)))


def test_some_pictures_are_clean_and_a_plan_can_ask_for_it(picture) -> None:
    rng = np.random.default_rng(2)
    clean = [draw_flaws(rng, NATIVE) == Flaws(256) for _ in range(1000)]
    assert 0.04 < np.mean(clean) < 0.12
    untouched = flawed(picture, draw_flaws(rng, NATIVE, plan=NO_FLAWS))
    assert np.array_equal(untouched, picture) and untouched is not picture


def test_far_people_have_few_pixels(picture) -> None:
    def sharpness(side: float) -> float:
        far = Region((0.0, 0.0), side).frame_from_crop(256)
        return _detail(flawed(picture, draw_flaws(np.random.default_rng(0), far, plan=NO_FLAWS)))

    assert sharpness(20.0) < sharpness(60.0) < sharpness(128.0) <= sharpness(256.0) == sharpness(900.0)


def test_shrinking_moves_nothing() -> None:
    ramp = np.tile(np.linspace(0, 255, 256), (256, 1))[..., None].repeat(3, axis=2).astype(np.uint8)
    error = flawed(ramp, Flaws(64)).astype(float) - ramp
    assert np.abs(error[:, 4:-4]).max() <= 1.5


def test_blur_runs_along_its_line() -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[128, 128] = 255
    rows, columns = np.nonzero(flawed(image, Flaws(256, motion_px=15.0, motion_rad=0.0))[..., 0])
    assert np.ptp(rows) == 0 and 12 <= np.ptp(columns) <= 16
    rows, columns = np.nonzero(flawed(image, Flaws(256, motion_px=15.0, motion_rad=np.pi / 2))[..., 0])
    assert np.ptp(columns) == 0 and 12 <= np.ptp(rows) <= 16
    assert _detail(flawed(image, Flaws(256, defocus_px=2.0))) < _detail(image)


def test_exposure_doubles_light(picture) -> None:
    grey = np.full((256, 256, 3), 100, np.uint8)  # linear 0.127; twice that is sRGB 138, half 71
    assert (flawed(grey, Flaws(256, gains_rgb=(2.0, 1.0, 0.5))) == (138, 100, 71)).all()
    assert np.ptp(flawed(picture, Flaws(256, saturation=0.0)), axis=2).max() <= 1


def test_noise_has_the_asked_strength_and_no_mean() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    for kind in range(3):
        noise = flawed(grey, Flaws(256, shot=1e-3, grain=(kind, 5, 9))).astype(float) - 128
        # variance 1e-3 * 0.216 of linear light, times 255 and the slope of the curve there, 0.99
        assert noise.std() == pytest.approx(np.sqrt(1e-3 * 0.216) * 255 * 0.99, rel=0.15)
        assert abs(noise.mean()) < 0.2


def test_worse_compression_is_farther_from_the_picture(picture) -> None:
    errors = [np.abs(flawed(picture, Flaws(256, quality=q)).astype(int) - picture).mean() for q in (95, 60, 25)]
    assert errors[0] < errors[1] < errors[2]
    smooth = Flaws(256, quality=30)
    assert _detail(flawed(picture, replace(smooth, smeared=True))) < _detail(flawed(picture, smooth))


def test_the_range_checks_itself() -> None:
    for bad in ({"noise": 1.5}, {"quality": (0, 50)}, {"shot": (0.0, 1.0)}, {"shrunk_to": (0.5, 2.0)}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            FlawRange(**bad)
