"""Small textures for things: plain, striped, checked, mottled, wooden, or cut from a photograph."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array

Texture = NDArray[np.uint8]

SIZE_PX = 96


def draw_texture(rng: np.random.Generator, photographs: Sequence[NDArray[np.uint8]] = ()) -> Texture:
    """(96, 96, 4): sRGB and alpha 0, for a thing has no skin. photographs: (height, width, 3) sRGB pictures."""
    kinds = [_plain, _stripes, _checks, _mottled, _wood]
    kind = int(rng.integers(len(kinds) + (3 if photographs else 0)))
    if kind >= len(kinds):
        image = patch_of(rng, photographs[int(rng.integers(len(photographs)))])
    else:
        image = np.clip(np.round(kinds[kind](rng) * 255), 0, 255).astype(np.uint8)
    return np.dstack([image, np.zeros(image.shape[:2], np.uint8)])


def patch_of(rng: np.random.Generator, photograph: NDArray[np.uint8], *, size_px: int = SIZE_PX) -> NDArray[np.uint8]:
    """A square piece of a photograph, a tenth to a half of its shorter side."""
    height, width = photograph.shape[:2]
    side = max(2, int(rng.uniform(0.1, 0.5) * min(height, width)))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    piece = photograph[top : top + side, left : left + side]
    way = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (size_px, size_px), interpolation=way), np.uint8)


def _colour(rng: np.random.Generator) -> Array:
    """Mostly dull, as things are; sometimes bright."""
    hue, chosen = rng.random(), rng.random()
    saturation = rng.uniform(0.0, 0.35) if chosen < 0.65 else rng.uniform(0.35, 0.9)
    value = rng.uniform(0.12, 0.95)
    ramp = np.clip(np.abs((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    return np.asarray(value * (1 - saturation + saturation * ramp))


def _grain(rng: np.random.Generator, cells: int) -> Array:
    """(size, size, 1) soft noise of spread one with about this many bumps along a side."""
    coarse = rng.standard_normal((cells + 1, cells + 1)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC), np.float64)[..., None]


def _plain(rng: np.random.Generator) -> Array:
    return np.asarray(_colour(rng) * (1 + 0.03 * _grain(rng, 3) + 0.02 * _grain(rng, 40)))


def _stripes(rng: np.random.Generator) -> Array:
    steps = np.linspace(0.0, 1.0, SIZE_PX)
    angle = rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)])
    place = steps[:, None] * math.sin(angle) + steps[None] * math.cos(angle)
    share = 0.5 + 0.5 * np.sin(2 * math.pi * rng.integers(2, 14) * place)[..., None]
    sharp = np.clip((share - rng.uniform(0.2, 0.8)) * 6 + 0.5, 0, 1)
    return np.asarray(sharp * _colour(rng) + (1 - sharp) * _colour(rng))


def _checks(rng: np.random.Generator) -> Array:
    cells = int(rng.integers(2, 12))
    steps = (np.arange(SIZE_PX) * cells) // SIZE_PX
    one, other = _colour(rng), _colour(rng)
    odd = ((steps[:, None] + steps[None]) % 2)[..., None]
    return np.asarray(np.where(odd == 1, one, other) * (1 + 0.04 * _grain(rng, 30)))


def _mottled(rng: np.random.Generator) -> Array:
    noise = sum(_grain(rng, cells) / weight for cells, weight in ((3, 1.0), (8, 1.5), (24, 2.5)))
    share = np.clip(0.5 + 0.3 * noise, 0, 1)
    return np.asarray(share * _colour(rng) + (1 - share) * _colour(rng))


def _wood(rng: np.random.Generator) -> Array:
    steps = np.linspace(0.0, 1.0, SIZE_PX)[:, None, None]
    rings = np.sin(2 * math.pi * (rng.uniform(4, 10) * steps + 0.35 * _grain(rng, 3)))
    tone = np.array([0.55, 0.38, 0.22]) * rng.uniform(0.5, 1.6) * (1 + rng.uniform(-0.1, 0.1, 3))
    along = 0.03 * rng.standard_normal((SIZE_PX, 1, 1))
    return np.asarray(tone * (1 + 0.13 * rings + along))
