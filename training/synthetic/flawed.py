"""The flaws of a camera carried out on a crop, see `training.synthetic.flaws` for their order."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.flaws import GRAIN_SIZE_PX, GRAINS, Flaws

Image = NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_BLOCKS_SEEN = 75
"""JPEG qualities above this leave no blocks to smooth over."""


def flawed(image_rgb: Image, flaws: Flaws) -> Image:
    """(size, size, 3) sRGB -> the same crop as that camera shows it; the input stays as it is."""
    crop_px = image_rgb.shape[0]
    size = (flaws.size_px, flaws.size_px)
    image = image_rgb if flaws.size_px >= crop_px else cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)
    image = _blurred(np.asarray(image, np.uint8), flaws)
    image = _developed(image, flaws)
    if flaws.shot > 0:
        image = _noisy(image, flaws)
    if flaws.sharpening > 0:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = np.asarray(cv2.addWeighted(image, 1 + flaws.sharpening, soft, -flaws.sharpening, 0), np.uint8)
    if flaws.quality is not None:
        image = _compressed(image, flaws.quality, smeared=flaws.smeared)
    if image.shape[0] != crop_px:
        image = np.asarray(cv2.resize(image, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image if image is not image_rgb else image_rgb.copy()


def _blurred(image: Image, flaws: Flaws) -> Image:
    if flaws.defocus_px > 0.3:  # a narrower Gaussian changes nothing that can be seen
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), flaws.defocus_px), np.uint8)
    if flaws.motion_px > 1.2:
        kernel = _line(flaws.motion_px, flaws.motion_rad)
        image = np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return image


def _line(length_px: float, angle_rad: float) -> Floats:
    """Weights of a straight stroke of this length, smooth at its sides, sum one."""
    reach = math.ceil(length_px / 2)
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    x, y = np.meshgrid(steps, steps)
    along = np.abs(x * math.cos(angle_rad) + y * math.sin(angle_rad))
    across = np.abs(y * math.cos(angle_rad) - x * math.sin(angle_rad))
    weights = np.clip(length_px / 2 + 0.5 - along, 0, 1) * np.clip(1 - across, 0, 1)
    return np.asarray(weights / weights.sum(), np.float32)


def _developed(image: Image, flaws: Flaws) -> Image:
    """Exposure, balance and tone curve by one table per channel, then saturation."""
    if flaws.gains_rgb != (1.0, 1.0, 1.0) or (flaws.gamma, flaws.contrast, flaws.lift) != (1.0, 1.0, 0.0):
        light = _LINEAR[:, None] * np.array(flaws.gains_rgb)
        tone = (_srgb(light) ** flaws.gamma - 0.5) * flaws.contrast + 0.5
        tone = flaws.lift + (1 - flaws.lift) * tone
        table = np.round(np.clip(tone, 0, 1) * 255).astype(np.uint8)
        image = np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), np.uint8)
    if flaws.saturation != 1.0:
        mixed = flaws.saturation * np.eye(3) + (1 - flaws.saturation) * _LUMA
        image = np.asarray(cv2.transform(image, mixed), np.uint8)
    return image


def _noisy(image: Image, flaws: Flaws) -> Image:
    """Noise whose spread in sRGB levels follows from that of linear light: sigma(light) times the curve's slope."""
    slope = 255 * np.gradient(_srgb(_LINEAR), _LINEAR)
    spread = (np.sqrt(flaws.shot * _LINEAR + flaws.read) * slope).astype(np.float32)
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


def _srgb(linear: Array) -> Array:
    """IEC 61966-2-1, of light that may exceed one (clipped)."""
    light = np.clip(linear, 0.0, 1.0)
    encoded: Array = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return encoded


def _linear(srgb: Array) -> Array:
    light: Array = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return light


_LINEAR = _linear(np.arange(256) / 255)
