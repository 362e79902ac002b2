"""What standing bodies take from the light on the ground: a soft shadow of the sun and the darkness where they touch.

Seen from the sun, a ground point lies in shadow where anything is drawn; the farther the caster, the softer.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats
from training.kinematics import Array

MAP_SIZE_PX = 128
CONTACT_HEIGHT_MM = 400.0
"""What is higher over the ground does not darken it."""
_CONTACT_FADE_MM = 110.0
_CONTACT_BLUR_MM = 55.0
_CONTACT_SHARE = 0.75
_SOFT_AT_MM = 1500.0
"""Distance from caster to ground at which the shadow is as soft as it gets."""
_MARGIN_MM = 350.0
_LONGEST_SHADOW_MM = 4500.0
_LOWEST_SUN = 0.1
"""Below this height (sine) a sun throws no shadow that fits the map."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundSpan:
    """The piece of ground that the map covers, mm."""

    low_xz: Array
    width_xz: Array
    middle_xz: Array
    """Of the box over it."""

    @classmethod
    def under(cls, low_mm: Array, high_mm: Array, sun_direction: Array) -> GroundSpan:
        """Below and in the shadow of what lies between two corners of a box."""
        middle = (low_mm + high_mm)[[0, 2]] / 2
        low, high = low_mm[[0, 2]] - _MARGIN_MM, high_mm[[0, 2]] + _MARGIN_MM
        if sun_direction[1] > _LOWEST_SUN:
            cast = -sun_direction[[0, 2]] / sun_direction[1] * max(float(high_mm[1]), 0.0)
            cast = np.clip(cast, -_LONGEST_SHADOW_MM, _LONGEST_SHADOW_MM)
            low, high = np.minimum(low, low + cast), np.maximum(high, high + cast)
        return cls(low, high - low, middle)

    @property
    def clip_from_world(self) -> Array:
        """(4, 4): seen from below; depth 0..1 is height over the ground up to `CONTACT_HEIGHT_MM`."""
        (sx, sz), (tx, tz) = 2 / self.width_xz, -2 * self.low_xz / self.width_xz - 1
        return np.array([[sx, 0, 0, tx], [0, 0, sz, tz], [0, 2 / CONTACT_HEIGHT_MM, 0, -1], [0, 0, 0, 1.0]])

    def sun_px_from_map(self, sun_from_world: Array, sun_size: int) -> Array:
        """(2, 3) affine: pixel of the map -> pixel of the picture from the sun, of the ground point there."""
        step = self.width_xz / MAP_SIZE_PX
        flat = sun_from_world[:2][:, [0, 2]] * (sun_size / 2)
        offset = (sun_from_world[:2, 3] + 1) * (sun_size / 2) - 0.5 + flat @ (self.low_xz + step / 2)
        return np.column_stack([flat * step, offset])


def sky_share(below: Floats, span: GroundSpan) -> Floats:
    """(map, map) share of the sky that the ground sees; `below` is the depth drawn with `span.clip_from_world`."""
    hidden = np.exp(below * np.float32(-CONTACT_HEIGHT_MM / _CONTACT_FADE_MM))
    hidden[below >= 1.0] = 0.0
    blur_px = np.maximum(_CONTACT_BLUR_MM * MAP_SIZE_PX / span.width_xz, 0.3)
    soft = cv2.GaussianBlur(hidden, (0, 0), float(blur_px[0]), sigmaY=float(blur_px[1]))
    return np.asarray(1 - np.float32(_CONTACT_SHARE) * soft, np.float32)


def sun_share(from_sun: Floats, sun_from_world: Array, span: GroundSpan) -> Floats:
    """(map, map) share of the sun that reaches the ground; `from_sun` is the depth drawn with `sun_from_world`."""
    if sun_from_world[2, 1] >= -1e-6 or abs(_flat_det(sun_from_world)) < 1e-12:
        return np.ones((MAP_SIZE_PX, MAP_SIZE_PX), np.float32)
    small = cv2.resize(from_sun, (MAP_SIZE_PX, MAP_SIZE_PX), interpolation=cv2.INTER_NEAREST)
    hidden = (small < 1.0).astype(np.float32)
    distance = np.clip((_ground_depth(sun_from_world) - small) * _range_mm(sun_from_world) / _SOFT_AT_MM, 0, 1) * hidden
    wide, far = cv2.blur(hidden, (9, 9)), cv2.blur(distance, (9, 9))
    softness = np.sqrt(far / np.maximum(wide, 1e-3))
    mixed = cv2.blur(hidden, (3, 3))
    mixed += (cv2.blur(wide, (5, 5)) - mixed) * softness
    affine = span.sun_px_from_map(sun_from_world, MAP_SIZE_PX)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shadow = cv2.warpAffine(mixed, affine, (MAP_SIZE_PX, MAP_SIZE_PX), flags=flags)
    return np.asarray(1 - shadow, np.float32)


def as_bytes(sun: Floats, sky: Floats) -> NDArray[np.uint8]:
    """(map, map, 2); the outermost ring is full light, since the texture repeats its edge outwards."""
    shares = cv2.merge([sun, sky])
    shares[[0, -1]] = shares[:, [0, -1]] = 1.0
    return np.asarray(cv2.convertScaleAbs(shares, alpha=255.0), np.uint8)


def _range_mm(sun_from_world: Array) -> float:
    return float(2 / np.linalg.norm(sun_from_world[2, :3]))


def _flat_det(sun_from_world: Array) -> float:
    """How much larger the ground appears in the picture from the sun."""
    (a, _, b), (c, _, d) = sun_from_world[:2, :3]
    return float(a * d - b * c)


def _ground_depth(sun_from_world: Array) -> Floats:
    """(map, map) depth 0..1 of the ground in the picture from the sun."""
    (a, _, b), (c, _, d) = sun_from_world[:2, :3]
    flat = np.array([[d, -b], [-c, a]]) / _flat_det(sun_from_world)
    across = (np.arange(MAP_SIZE_PX) + 0.5) * 2 / MAP_SIZE_PX - 1
    slope = sun_from_world[2, [0, 2]] @ flat
    start = sun_from_world[2, 3] - slope @ sun_from_world[:2, 3]
    depth = (slope[0] * across + slope[1] * across[:, None] + start + 1) / 2
    return np.asarray(depth, np.float32)
