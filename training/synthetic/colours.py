"""Clothes and skin of other colours: 3x3 matrices on linear RGB, for `Placed`."""

from __future__ import annotations

import numpy as np

from training.kinematics import Array
from training.synthetic.actor import Actor

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
_MELANIN = np.array([0.84, 1.10, 1.16])
"""Darker skin loses blue before green before red: exponents of lightness, fitted to the mean skins of the 84 avatars,
from the palest to the darkest; they scatter around that line by 5, 3 and 11 % in red, green and blue."""
_SKIN_SPREAD, _SKIN_LUMA = 0.28, (0.025, 0.58)
"""Spread of the logarithm of lightness; luma that a skin may end up with (the avatars: 0.06 to 0.46)."""
_CLOTH_KEPT = 0.15
_CLOTH_LIGHTNESS = (0.45, 2.2)
_TINTED, _TINT_DEPTH = 0.45, 0.75


def draw_cloth_rgb(rng: np.random.Generator) -> Array:
    """(3, 3): another hue, more or less colour, lighter or darker, often dyed; sometimes as it is."""
    if rng.random() < _CLOTH_KEPT:
        return np.eye(3)
    angle = rng.uniform(-np.pi, np.pi)
    colour = hue_turned(angle) @ saturated(rng.uniform(0.3, 1.3))
    dye = np.ones(3)
    if rng.random() < _TINTED:
        dye -= _TINT_DEPTH * rng.random() * rng.permutation(np.array([0.0, 1.0, rng.random()]))
    lightness = np.exp(rng.uniform(*np.log(_CLOTH_LIGHTNESS)))
    matrix: Array = lightness * dye[:, None] * colour
    return matrix


def draw_skin_rgb(rng: np.random.Generator, actor: Actor) -> Array:
    """(3, 3): lighter or darker along the line on which people's skin lies, within what people have."""
    own = float(_LUMA @ actor.skin_rgb)
    wanted = np.clip(own * np.exp(_SKIN_SPREAD * rng.standard_normal()), *_SKIN_LUMA)
    warmth = np.exp(0.03 * rng.standard_normal(3))
    return np.diag((wanted / own) ** _MELANIN * warmth)


def hue_turned(angle_rad: float) -> Array:
    """(3, 3) turn around grey that keeps greys and luma."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = grey + cosine * (np.eye(3) - grey) + sine * cross
    kept: Array = turn + np.outer(np.ones(3), _LUMA - _LUMA @ turn)
    return kept


def saturated(factor: float) -> Array:
    """(3, 3): distance from grey times `factor`, luma kept."""
    kept: Array = factor * np.eye(3) + (1 - factor) * np.outer(np.ones(3), _LUMA)
    return kept
