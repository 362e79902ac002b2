"""Light around a person: a panorama turned to another compass direction, and colours as the renderer keeps them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array, axis_rotation
from training.panorama import Panorama, linear_of_srgb

_BYTES = np.arange(256, dtype=np.uint8)
ROOT_OF_SRGB: NDArray[np.uint8] = np.rint(np.sqrt(linear_of_srgb(_BYTES)) * 255).astype(np.uint8)
"""8-bit sRGB -> 8-bit square root of linear light. The renderer computes with roots: a square is cheaper than sRGB's
power, and 8 bits hold a root as finely as they hold sRGB (both curves rise alike; no value moves by more than one)."""


def _srgb(linear: Array) -> Array:
    """Linear 0..1 -> sRGB 0..1 (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


SRGB_OF_ROOT: NDArray[np.uint8] = np.rint(_srgb((_BYTES / 255.0) ** 2) * 255).astype(np.uint8)


def ground_shares(ambient_rgb: Array, sun_direction: Array, sun_rgb: Array) -> tuple[Array, Array]:
    """Sun's and sky's parts (3,) of the light on open level ground; they sum to one."""
    sky = np.maximum(_basis(np.array([[0.0, 1.0, 0.0]]))[0] @ ambient_rgb, 1e-4)
    sun = sun_rgb * max(float(sun_direction[1]), 0.0)
    return sun / (sun + sky), sky / (sun + sky)


def turned(panorama: Panorama, by_rad: float) -> Panorama:
    """The same surroundings turned around the vertical, their light and sun with them; the picture is shared.

    A direction d of the old surroundings is R_y(by_rad) d of the new ones, as `read_panorama`'s `turn_deg` turns.
    """
    rotation = axis_rotation("Y", by_rad)
    return replace(
        panorama,
        turn_rad=panorama.turn_rad + by_rad,
        ambient_rgb=_turned_harmonics(panorama.ambient_rgb, by_rad),
        sun_direction=rotation @ panorama.sun_direction,
    )


def _turned_harmonics(ambient_rgb: Array, by_rad: float) -> Array:
    """Around y, sin and cos of an azimuth mix; z^2 and x^2 - y^2 of the y-up axes do as well.

    The nine functions are refitted at fixed directions: exact, since a rotation keeps each band to itself.
    """
    moved = _BASIS_INVERSE @ _basis(_PROBES @ axis_rotation("Y", by_rad))
    result: Array = moved @ ambient_rgb
    return result


def _basis(directions: Array) -> Array:
    """Real spherical harmonics of bands 0 to 2, (direction, 9), in the order of `Panorama.ambient_rgb`."""
    x, y, z = directions.T
    columns = [
        np.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
        0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _probes(count: int = 40) -> Array:
    """Directions spread over the sphere (a Fibonacci spiral)."""
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    azimuth = np.arange(count) * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(azimuth), height, ring * np.sin(azimuth)], axis=1)


_PROBES = _probes()
_BASIS_INVERSE = np.linalg.pinv(_basis(_PROBES))
