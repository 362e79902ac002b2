"""A photograph of all directions as background and as light.

The pictures are tone-mapped 8-bit equirectangular JPEGs: the sun in them is clipped, so its direction comes from the
picture and its strength is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array, axis_rotation

_LIGHT_SIZE_WH = (128, 64)
_CLIPPED_FROM = 0.9
"""Share of the largest sRGB value from which on a pixel counts as clipped, the more the nearer."""
_LIT_ROOM = 0.25
"""Mean linear light of all directions in a room that is well lit."""
_COSINE_LOBE = np.array([1.0, *[2.0 / 3.0] * 3, *[0.25] * 5])
"""Lambert's cosine per spherical harmonic band, divided by pi (Ramamoorthi and Hanrahan 2001)."""


class PanoramaError(ValueError):
    """A background cannot be used; the text names the file and the cure."""


@dataclass(frozen=True, slots=True, eq=False)
class Panorama:
    """World axes: y up; the middle column looks along -z turned by `turn_rad` around y."""

    image_rgb: NDArray[np.uint8]
    turn_rad: float
    ambient_rgb: Array
    """(9, 3) spherical harmonics of the light that a white matt surface reflects, linear, without the sun."""
    sun_direction: Array
    """(3,) unit vector towards the sun."""
    sun_rgb: Array
    """Light that a white matt surface facing the sun reflects, linear."""


def read_panorama(path: Path, *, turn_deg: float = 0.0, sun_strength: float = 1.5) -> Panorama:
    """Read an equirectangular picture; `sun_strength` is sunlight relative to the mean light of the sky.

    PanoramaError where the file is no picture or not twice as wide as high.
    """
    image_bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image_bgr is None:
        raise PanoramaError(f"{path} cannot be read as a picture; give an equirectangular JPEG, see docs/data.md")
    height, width = image_bgr.shape[:2]
    if abs(width - 2 * height) > 2:
        raise PanoramaError(f"{path} is {width}x{height}; an equirectangular picture is twice as wide as high")
    image_rgb = np.ascontiguousarray(image_bgr[..., ::-1], np.uint8)
    return panorama_of(image_rgb, turn_deg=turn_deg, sun_strength=sun_strength)


def panorama_of(
    image_rgb: NDArray[np.uint8], *, turn_deg: float = 0.0, sun_strength: float = 1.5, lamp_gain: float = 1.0
) -> Panorama:
    """The background and light of an equirectangular (height, 2 * height, 3) sRGB picture, see `read_panorama`.

    `lamp_gain` multiplies the light of what is clipped or nearly so: windows and lamps are brighter than 8 bits can
    say, and without it a room that they light is a dark one. A place gets no lighter by it than `_LIT_ROOM`, or than
    it was: under an open sky the picture's own exposure says enough.
    """
    small = cv2.resize(image_rgb, _LIGHT_SIZE_WH, interpolation=cv2.INTER_AREA)
    radiance = linear_of_srgb(np.asarray(small, np.uint8))
    clipped = np.clip((small.max(axis=-1, keepdims=True) / 255 - _CLIPPED_FROM) / (1 - _CLIPPED_FROM), 0, 1)
    turn_rad = float(np.deg2rad(turn_deg))
    directions, steradians = _directions(turn_rad)
    level = float(np.average(radiance.mean(axis=-1), weights=steradians))
    radiance = radiance * (1 + (lamp_gain - 1) * clipped)
    lit = float(np.average(radiance.mean(axis=-1), weights=steradians))
    radiance *= min(1.0, max(level, _LIT_ROOM) / max(lit, 1e-9))
    harmonics = _harmonics(directions)
    ambient = np.einsum("hwk,hwc,hw->kc", harmonics, radiance, steradians) * _COSINE_LOBE[:, None]
    sun_direction = _brightest(radiance, directions, steradians)
    sky = radiance[: _LIGHT_SIZE_WH[1] // 2].reshape(-1, 3).mean(axis=0)
    warm = 0.5 * sky / sky.mean() + 0.5  # half way to white: shade is bluer than sunlight
    sun_rgb = sun_strength * sky.mean() * (2.0 - warm) / (2.0 - warm).mean()
    return Panorama(image_rgb, turn_rad, ambient, sun_direction, sun_rgb)


def linear_of_srgb(image: NDArray[np.uint8]) -> Array:
    """8-bit sRGB -> linear 0..1 (IEC 61966-2-1)."""
    value = image / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _directions(turn_rad: float) -> tuple[Array, Array]:
    """Unit direction (row, column, 3) and solid angle (row, column) of every pixel of the small picture."""
    width, height = _LIGHT_SIZE_WH
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    polar = (np.arange(height) + 0.5) / height * np.pi
    polar, azimuth = np.meshgrid(polar, azimuth, indexing="ij")
    flat = np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), -np.sin(polar) * np.cos(azimuth)], axis=-1)
    steradians = np.sin(polar) * (np.pi / height) * (2 * np.pi / width)
    return flat @ axis_rotation("Y", turn_rad).T, steradians


def _harmonics(directions: Array) -> Array:
    """Real spherical harmonics of bands 0 to 2, (..., 9)."""
    x, y, z = np.moveaxis(directions, -1, 0)
    one = np.ones_like(x)
    return np.stack(
        [
            0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x,
            1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        axis=-1,
    )  # fmt: skip


def _brightest(radiance: Array, directions: Array, steradians: Array) -> Array:
    """Where most light of the upper half comes from: the mean of the brightest part, at least 25 degrees high."""
    light = radiance.mean(axis=-1) ** 4 * steradians * (directions[..., 1] > 0)
    mean: Array = np.einsum("hw,hwk->k", light, directions)
    mean = mean / max(float(np.linalg.norm(mean)), 1e-9)
    mean[1] = max(mean[1], float(np.tan(np.deg2rad(25.0)) * np.hypot(mean[0], mean[2])), 0.1)
    unit: Array = mean / np.linalg.norm(mean)
    return unit
