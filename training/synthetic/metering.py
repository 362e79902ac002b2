"""How cameras expose: the gain that brings what they meter to the level they aim at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array

MIDDLE = (0.15, 0.9, 0.34, 0.66)
"""Top, bottom, left and right of where a crop shows its person, in sides."""
_STEP_PX = 4
_STOPS = np.linspace(-3.0, 3.0, 25)


@dataclass(frozen=True, slots=True)
class Metering:
    """What a camera aims at."""

    level: float
    """Mean in sRGB, 0..255."""
    middle: bool = False
    """Of the person's place alone, as cameras meter that look for people; else of the whole crop."""
    stops: tuple[float, float] = (-1.5, 2.0)
    """Least and greatest exposure. The camera ran out of light, or of darkness, where they do not suffice."""


def metered_gain(image_rgb: NDArray[np.uint8], metering: Metering) -> float:
    """Factor on linear light after which the mean level is the wanted one, clipped light counted as it shows."""
    if metering.middle:
        side = len(image_rgb)
        top, bottom, left, right = (round(share * side) for share in MIDDLE)
        image_rgb = image_rgb[top:bottom, left:right]
    counts = np.bincount(image_rgb[::_STEP_PX, ::_STEP_PX].ravel(), minlength=256)
    means = _LEVELS @ (counts / counts.sum())
    least, most = metering.stops
    return float(2.0 ** min(max(np.interp(metering.level, means, _STOPS), least), most))


def srgb(linear: Array) -> Array:
    """IEC 61966-2-1, of light that may exceed one (clipped)."""
    light = np.minimum(np.maximum(linear, 0.0), 1.0)
    encoded: Array = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return encoded


def _linear(encoded: Array) -> Array:
    light: Array = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return light


LINEAR = _linear(np.arange(256) / 255)
"""(256,) light of each level."""
_LEVELS = 255 * srgb(2.0 ** _STOPS[:, None] * LINEAR)
"""(stop, 256) what each level becomes."""
