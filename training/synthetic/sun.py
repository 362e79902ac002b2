"""The sun over a scene, and the parallel view from it in which shadows are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.avatar import Floats
from training.kinematics import Array
from training.panorama import Panorama
from training.synthetic.scene import THE_PERSON, Placed

_REACH_MM = 1500.0
"""What is farther beside the person does not shade it."""
_EDGE_MM = 50.0
_BIAS_MM = 12.0
"""A surface does not shade itself within this depth."""


@dataclass(frozen=True, slots=True, eq=False)
class Sun:
    direction: Array
    """(3,) unit vector towards it."""
    rgb: Array
    """(3,) light that a white surface facing it reflects."""
    clip_from_world: Array
    """(4, 4) parallel view from the sun; depth grows away from it."""
    bias: float
    """Of that view's depth."""

    @classmethod
    def over(cls, placed: Sequence[Placed], surroundings: Panorama, strength: float) -> Sun:
        """The panorama's sun, `strength` times as bright, looking at the person and what is near it."""
        direction = surroundings.sun_direction
        axes = _axes(direction)
        low, high = _seen_bounds(placed, axes)
        matrix = np.eye(4)
        matrix[:3, :3] = axes * (2 / (high - low))[:, None]
        matrix[:3, 3] = -(high + low) / (high - low)
        return cls(direction, surroundings.sun_rgb * strength, matrix, float(_BIAS_MM / (high[2] - low[2])))


def _axes(direction: Array) -> Array:
    """(3, 3) rows: two directions across the sun's rays, and away from it. np.cross would take most of a sun's time."""
    x, y, z = (float(value) for value in direction)
    side = np.array([y, -x, 0.0] if abs(y) > 0.9 else [-z, 0.0, x])  # times the z axis, or the y axis
    side /= np.linalg.norm(side)
    a, b, c = (float(value) for value in side)
    return np.array([side, [b * z - c * y, c * x - a * z, a * y - b * x], [-x, -y, -z]])


def bounds(placed: Sequence[Placed]) -> tuple[Array, Array]:
    """Corners in the world, (3,) each, of a box around the person and what is near it; of all where there is none."""
    return _union([_box(one.vertices_mm.T, one.owner) for one in placed])


def _seen_bounds(placed: Sequence[Placed], axes: Array) -> tuple[Array, Array]:
    """The same in the sun's axes, but its whole depth, so that every caster is kept."""
    turned = axes.astype(np.float32)
    boxes = [_box(turned @ one.vertices_mm.T, one.owner) for one in placed]
    low, high = _union(boxes)
    low[2] = min((box[0][2] for box in boxes), default=low[2])
    high[2] = max((box[1][2] for box in boxes), default=high[2])
    return low - _EDGE_MM, high + _EDGE_MM


def _box(points: Floats, owner: int) -> tuple[Floats, Floats, int]:
    """Corners of (3, point) points; by rows, which numpy reduces ten times as fast as by columns."""
    rows = np.ascontiguousarray(points)
    return rows.min(axis=1), rows.max(axis=1), owner


def _union(boxes: Sequence[tuple[Floats, Floats, int]]) -> tuple[Array, Array]:
    if not boxes:
        return np.zeros(3), np.ones(3)
    low = np.min([box[0] for box in boxes], axis=0).astype(np.float64)
    high = np.max([box[1] for box in boxes], axis=0).astype(np.float64)
    person = next((box for box in boxes if box[2] == THE_PERSON), None)
    if person is not None:
        low, high = np.maximum(low, person[0] - _REACH_MM), np.minimum(high, person[1] + _REACH_MM)
    return low, high
