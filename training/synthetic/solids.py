"""Convex solids as meshes fine enough to be bent by a lens, and their joining into things.

Axes: y up, millimetres. Every solid has the whole texture stretched over its longest side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.avatar import Floats
from training.kinematics import Array

STEP_MM = 90.0
"""Longest edge along a side; a thing may be drawn half as large again."""


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A closed surface."""

    vertices_mm: Floats
    """(vertex, 3)"""
    normals: Floats
    """(vertex, 3) unit length, outwards."""
    uv: Floats
    """(vertex, 2) within 0..1."""
    faces: NDArray[np.int32]
    """(face, 3) counter-clockwise seen from outside."""

    def moved(self, offset_mm: ArrayLike) -> Solid:
        return replace(self, vertices_mm=(self.vertices_mm + np.asarray(offset_mm)).astype(np.float32))

    def turned(self, rotation: Array) -> Solid:
        turn = rotation.T.astype(np.float32)
        return replace(self, vertices_mm=self.vertices_mm @ turn, normals=self.normals @ turn)


def box(size_mm: ArrayLike, *, at_mm: ArrayLike = (0.0, 0.0, 0.0)) -> Solid:
    """A box around `at_mm`."""
    half = np.asarray(size_mm, np.float64) / 2
    sides = [_side(half, axis, sign) for axis in range(3) for sign in (1.0, -1.0)]
    return joined(sides).moved(at_mm)


def cylinder(radius_mm: float, height_mm: float, *, top_mm: float | None = None) -> Solid:
    """Upright, standing on y = 0, with another radius at the top where `top_mm` is given (0 = a cone)."""
    top = radius_mm if top_mm is None else top_mm
    around = max(10, math.ceil(2 * math.pi * max(radius_mm, top) / STEP_MM))
    rise, spread = _steps(math.hypot(height_mm, radius_mm - top)), _steps(max(radius_mm, top))
    ring = np.linspace(0.0, 1.0, around + 1)[:, None]
    up = np.linspace(0.0, 1.0, rise + 1)[None]
    radius = radius_mm + (top - radius_mm) * up
    normal = _round(ring, np.full_like(up, height_mm), np.full_like(up, radius_mm - top))
    mantle = _sheet(_round(ring, radius, up * height_mm), normal, ring + 0 * up, 1 - up + 0 * ring)
    out = np.linspace(0.0, 1.0, spread + 1)[None]
    flat = (ring + 0 * out, out + 0 * ring)
    lid = _sheet(_round(ring, top * (1 - out), height_mm + 0 * out), _along_y(ring, out, 1.0), *flat)
    floor = _sheet(_round(ring, radius_mm * out, 0 * out), _along_y(ring, out, -1.0), *flat)
    return joined([part for part in (mantle, lid, floor) if len(part.faces)])


def ball(
    radii_mm: ArrayLike, *, squareness: float = 0.0, at_mm: ArrayLike = (0.0, 0.0, 0.0), around: int | None = None
) -> Solid:
    """An ellipsoid; squareness towards 1 makes it a box with round edges: |x|^q + |y|^q + |z|^q = 1 instead of q = 2.

    around: how many sides it has, where not as many as `STEP_MM` asks for.
    """
    radii, power = np.asarray(radii_mm, np.float64), 2 / (1.0 - squareness)
    around = around or max(12, math.ceil(2 * math.pi * float(radii.max()) / STEP_MM))
    turns = np.linspace(0.0, 1.0, around + 1)[:, None]
    latitude = math.pi * np.linspace(-0.5, 0.5, around // 2 + 1)[None]
    sphere = _round(turns, np.cos(latitude), np.sin(latitude))
    unit = sphere / (np.abs(sphere) ** power).sum(axis=-1, keepdims=True) ** (1 / power)
    slope = np.sign(unit) * np.abs(unit) ** (power - 1) / radii
    u, v = turns + 0 * latitude, 0.5 - latitude / math.pi + 0 * turns
    return _sheet(unit * radii, slope, u, v).moved(at_mm)


def joined(solids: Sequence[Solid]) -> Solid:
    """All of them as one mesh."""
    firsts = np.cumsum([0] + [len(solid.vertices_mm) for solid in solids[:-1]])
    return Solid(
        np.concatenate([solid.vertices_mm for solid in solids]),
        np.concatenate([solid.normals for solid in solids]),
        np.concatenate([solid.uv for solid in solids]),
        np.concatenate([solid.faces + np.int32(first) for solid, first in zip(solids, firsts, strict=True)]),
    )


def _side(half: Array, axis: int, sign: float) -> Solid:
    """The side of a box that faces along an axis, or against it."""
    one, two = ((axis + 1) % 3, (axis + 2) % 3) if sign > 0 else ((axis + 2) % 3, (axis + 1) % 3)
    first = np.linspace(-half[one], half[one], _steps(2 * half[one]) + 1)[:, None]
    second = np.linspace(-half[two], half[two], _steps(2 * half[two]) + 1)[None]
    points = np.empty((first.shape[0], second.shape[1], 3))
    points[..., axis], points[..., one], points[..., two] = sign * half[axis], first, second
    normals = np.zeros_like(points)
    normals[..., axis] = sign
    across, down = (0, 2) if axis == 1 else (2 - axis, 1)
    longest = 2 * half.max()
    u = (points[..., across] + half[across]) / longest
    v = (half[down] - points[..., down]) / longest
    return _sheet(points, normals, u, v)


def _sheet(points: Array, normals: Array, u: Array, v: Array) -> Solid:
    """A grid (a, b, 3) whose outside is where the cross product of its axes points; triangles without area are left
    out."""
    a, b = points.shape[:2]
    index = np.arange(a * b).reshape(a, b)
    corners = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([corners[k].ravel() for k in three], axis=1) for three in ((0, 1, 2), (0, 2, 3))])
    flat = points.reshape(-1, 3)
    area = np.linalg.norm(
        np.cross(flat[faces[:, 1]] - flat[faces[:, 0]], flat[faces[:, 2]] - flat[faces[:, 0]]), axis=1
    )
    unit = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    return Solid(
        flat.astype(np.float32),
        unit.reshape(-1, 3).astype(np.float32),
        uv.astype(np.float32),
        faces[area > 1e-3].astype(np.int32),
    )


def _round(turns: Array, radius: Array, height: Array) -> Array:
    """(a, 1) turns around y, (1, b) radii and heights -> (a, b, 3)."""
    angle = 2 * math.pi * turns
    return np.stack([radius * np.sin(angle), height + 0 * angle, radius * np.cos(angle)], axis=-1)


def _along_y(ring: Array, out: Array, sign: float) -> Array:
    return np.stack(np.broadcast_arrays(0.0 * ring, sign + 0.0 * out, 0.0 * ring), axis=-1)


def _steps(length_mm: float) -> int:
    return max(1, math.ceil(length_mm / STEP_MM))
