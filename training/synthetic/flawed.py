"""The flaws of a camera carried out on a crop, see `training.synthetic.flaws` for their order."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.synthetic.flaws import GRAIN_SIZE_PX, GRAINS, Flaws
from training.synthetic.metering import LINEAR, metered_gain, srgb

Image = NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_BLOCKS_SEEN = 75
"""JPEG qualities above this leave no blocks to smooth over."""
_SLOPE = 255 * np.gradient(srgb(LINEAR), LINEAR)
"""Levels per linear light."""


def flawed(image_rgb: Image, flaws: Flaws) -> Image:
    """(size, size, 3) sRGB -> the same crop as that camera shows it; the input stays as it is."""
    crop_px = image_rgb.shape[0]
    gain = 1.0 if flaws.metering is None else metered_gain(image_rgb, flaws.metering)
    image = _blurred(_shrunk(image_rgb, flaws.size_px), flaws)
    image = _developed(image, flaws, gain=gain)
    if flaws.shot > 0:
        image = _noisy(image, flaws, gain=gain)
    if flaws.sharpening > 0:
        soft = cv2.GaussianBlur(image, (5, 5), 1.0)
        image = np.asarray(cv2.addWeighted(image, 1 + flaws.sharpening, soft, -flaws.sharpening, 0), np.uint8)
    if flaws.quality is not None:
        image = _compressed(image, flaws.quality, smeared=flaws.smeared)
    if image.shape[0] != crop_px:
        image = np.asarray(cv2.resize(image, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image if image is not image_rgb else image_rgb.copy()


def _shrunk(image: Image, size_px: int) -> Image:
    """Halved by area as often as it goes, then bilinear: an eighth of the time of OpenCV's areas of any size."""
    while image.shape[0] >= 2 * size_px:
        half = image.shape[0] // 2
        image = np.asarray(cv2.resize(image, (half, half), interpolation=cv2.INTER_AREA), np.uint8)
    if image.shape[0] > size_px:
        image = np.asarray(cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image


def _blurred(image: Image, flaws: Flaws) -> Image:
    if flaws.defocus_px > 0.3:  # a narrower Gaussian changes nothing that can be seen
        side = 2 * max(round(2 * flaws.defocus_px), 1) + 1
        image = np.asarray(cv2.GaussianBlur(image, (side, side), flaws.defocus_px), np.uint8)
    if flaws.motion_px > 1.2:
        image = _stroked(image, flaws.motion_px, flaws.motion_rad)
    return image


def _stroked(image: Image, length_px: float, angle_rad: float) -> Image:
    """Every pixel the mean over a straight stroke around it.

    A stroke of 2, 4, 8 ... pixels is that of half the length averaged with itself moved on by as much: four steps
    instead of the hundreds of a kernel this large. Moves are whole pixels, that add up to the whole stroke.
    """
    steps = math.ceil(math.log2(length_px))
    shares = [(2**step - 1) / (2**steps - 1) * (length_px - 1) for step in range(steps + 1)]
    xs, ys = ([round(share * way) for share in shares] for way in (math.cos(angle_rad), math.sin(angle_rad)))
    height, width = abs(ys[-1]), abs(xs[-1])
    around = height // 2, height - height // 2, width // 2, width - width // 2
    moved = np.asarray(cv2.copyMakeBorder(image, *around, cv2.BORDER_REPLICATE), np.uint8)
    for x, y in zip(np.diff(xs).tolist(), np.diff(ys).tolist(), strict=True):
        rows, columns = moved.shape[0] - abs(y), moved.shape[1] - abs(x)
        here = moved[max(-y, 0) :, max(-x, 0) :][:rows, :columns]
        there = moved[max(y, 0) :, max(x, 0) :][:rows, :columns]
        moved = np.asarray(cv2.addWeighted(here, 0.5, there, 0.5, 0), np.uint8)
    return moved


def _developed(image: Image, flaws: Flaws, *, gain: float) -> Image:
    """Exposure, balance and tone curve by one table per channel, then saturation."""
    gains = [gain * factor for factor in flaws.gains_rgb]
    if gains != [1.0, 1.0, 1.0] or (flaws.gamma, flaws.contrast, flaws.lift) != (1.0, 1.0, 0.0):
        tone = srgb(LINEAR[:, None] * np.array(gains))
        if flaws.gamma != 1.0:
            tone **= flaws.gamma
        tone = (tone - 0.5) * (flaws.contrast * (1 - flaws.lift)) + (0.5 * (1 - flaws.lift) + flaws.lift)
        table = np.rint(np.minimum(np.maximum(tone, 0), 1) * 255).astype(np.uint8)
        image = np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), np.uint8)
    if flaws.saturation != 1.0:
        mixed = flaws.saturation * np.eye(3) + (1 - flaws.saturation) * _LUMA
        image = np.asarray(cv2.transform(image, mixed), np.uint8)
    return image


def _noisy(image: Image, flaws: Flaws, *, gain: float) -> Image:
    """Noise whose spread in sRGB levels follows from that of linear light: sigma(light) times the curve's slope.

    Light that was amplified has been counted in so many fewer photons, and read noise is amplified with it.
    """
    spread = (np.sqrt(flaws.shot * gain * LINEAR + flaws.read * gain * gain) * _SLOPE).astype(np.float32)
    kind, top, left = flaws.grain
    height, width = image.shape[:2]
    grain = _grain_table()[kind, top : top + height, left : left + width]
    noise = cv2.multiply(np.asarray(cv2.LUT(image, spread)), grain)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


@functools.cache
def _grain_table() -> Floats:
    """(kind, size, size, 3) noise of spread one: of each channel alone, grey, and clotted over neighbours."""
    rng = np.random.default_rng(20_261)
    shape = (GRAIN_SIZE_PX, GRAIN_SIZE_PX, 3)
    fine = rng.standard_normal(shape, np.float32)
    grey = 0.9 * rng.standard_normal((*shape[:2], 1), np.float32) + 0.43 * rng.standard_normal(shape, np.float32)
    clotted = np.asarray(cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 0.9))
    table = np.stack([fine, grey, clotted / clotted.std()])
    assert len(table) == GRAINS
    return table


def _compressed(image: Image, quality: int, *, smeared: bool) -> Image:
    done, stream = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not compress a picture of {image.shape}; its JPEG codec is missing")
    image_bgr = np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR), np.uint8)
    if smeared and quality < _BLOCKS_SEEN:
        image_bgr = np.asarray(cv2.bilateralFilter(image_bgr, 3, 100 - quality, 1.0), np.uint8)
    return np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB), np.uint8)
