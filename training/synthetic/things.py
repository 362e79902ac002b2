"""Things that stand around people or are held by them, made of solids: a library that is the same in every process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.avatar import Floats, Part
from training.kinematics import Array
from training.synthetic.furniture import KINDS, Where
from training.synthetic.hiding import Surface
from training.synthetic.scene import Look
from training.synthetic.solids import joined
from training.synthetic.surfaces import draw_texture


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A look with its shape at rest: standing on y = 0 around x = z = 0, its front towards +z."""

    kind: str
    where: Where
    look: Look
    vertices_mm: Floats
    normals: Floats
    size_mm: Array
    """(3,) of the box around it."""
    surface: Surface


def library(seed: int = 0, *, count: int = 56, photographs: Sequence[NDArray[np.uint8]] = ()) -> tuple[Thing, ...]:
    """`count` things, kinds in turn; build it once per process and keep it: looks are known by name.

    The same seed, count and photographs give the same things; names hold the seed.
    """
    return tuple(_thing(seed, number, photographs) for number in range(count))


def _thing(seed: int, number: int, photographs: Sequence[NDArray[np.uint8]]) -> Thing:
    kind = list(KINDS)[number % len(KINDS)]
    build, where = KINDS[kind]
    rng = np.random.default_rng([seed, number])
    materials = [joined(solids) for solids in build(rng)]
    whole = joined(materials)
    low, high = whole.vertices_mm.min(axis=0), whole.vertices_mm.max(axis=0)
    middle = (low + high) / 2
    vertices = (whole.vertices_mm - np.array([middle[0], low[1], middle[2]])).astype(np.float32)
    firsts = np.cumsum([0] + [len(solid.faces) for solid in materials])
    parts = tuple(Part(int(firsts[row]), len(solid.faces), row) for row, solid in enumerate(materials))
    textures = tuple(draw_texture(rng, photographs) for _ in materials)
    look = Look(f"thing-{seed}-{number}-{kind}", whole.uv, whole.faces, parts, textures)
    surface = Surface.of(vertices, whole.faces)
    return Thing(kind, where, look, vertices, whole.normals, (high - low).astype(np.float64), surface)
