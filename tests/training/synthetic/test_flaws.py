"""Flaws change the picture and not what it shows, in known ways, and the same way for the same draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.body.crop import Region
from training.synthetic.flawed import flawed
from training.synthetic.flaws import NO_FLAWS, FlawRange, Flaws, draw_flaws, side_px
from training.synthetic.metering import Metering

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
    clean = [replace(draw_flaws(rng, NATIVE), metering=None) == Flaws(256) for _ in range(1000)]
    plan = FlawRange()
    assert abs(np.mean(clean) - plan.clean * (1 - plan.shrunk)) < 0.03
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


def test_cameras_expose_what_they_meter_for_its_level() -> None:
    rng = np.random.default_rng(3)
    dark = rng.integers(0, 120, (256, 256, 3)).astype(np.uint8)
    dark[:, :60] //= 2
    for level, middle in ((70.0, False), (90.0, False), (95.0, True), (40.0, False)):
        image = flawed(dark, Flaws(256, Metering(level, middle)))
        seen = image[38:230, 87:169] if middle else image
        assert seen.mean() == pytest.approx(level, abs=3)
    assert flawed(dark, Flaws(256, Metering(95.0, True))).mean() < 92, "the darker border is not metered"


def test_a_night_stays_dark_and_black_is_no_error() -> None:
    night = np.full((256, 256, 3), 12, np.uint8)  # linear 0.0037; four times that is sRGB 32
    assert (flawed(night, Flaws(256, Metering(130.0))) == 32).all()
    assert (flawed(np.zeros_like(night), Flaws(256, Metering(130.0))) == 0).all()


def test_many_pictures_of_any_light_lie_where_those_of_cameras_do() -> None:
    rng, levels = np.random.default_rng(4), []
    for number in range(300):
        scene = rng.normal(np.geomspace(45, 180, 300)[number], 35, (64, 64, 3)).clip(0, 255).astype(np.uint8)
        scene = scene.repeat(4, axis=0).repeat(4, axis=1)
        levels.append(flawed(scene, draw_flaws(rng, NATIVE)).mean())
    assert 110 < np.median(levels) < 145
    assert np.mean((np.array(levels) > 80) & (np.array(levels) < 180)) > 0.85


def test_amplified_pictures_are_noisier() -> None:
    def noise(level: float) -> float:
        grey = np.full((256, 256, 3), 60, np.uint8)
        return float(flawed(grey, Flaws(256, Metering(level), shot=1e-3, read=1e-5)).astype(float).std())

    # Light four-fold: variance four-fold or more, where the curve is 1 / 1.65 as steep
    assert noise(113.0) / noise(60.0) > 1.15


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
    for bad in (
        {"noise": 1.5},
        {"quality": (0, 50)},
        {"shot": (0.0, 1.0)},
        {"shrunk_to": (0.5, 2.0)},
        {"metered_stops": (1, 0)},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            FlawRange(**bad)
