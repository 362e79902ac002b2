"""What things are made of, kind by kind: sizes drawn within what is sold, standing on y = 0 or around the origin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from training.kinematics import axis_rotation
from training.synthetic.solids import Solid, ball, box, cylinder

Where = Literal["ground", "held", "anywhere"]
Materials = list[list[Solid]]
"""Solids by material: one texture each."""


def _legs(width: float, depth: float, height: float, thick: float) -> list[Solid]:
    x, z = width / 2 - thick, depth / 2 - thick
    return [box((thick, height, thick), at_mm=(sx * x, height / 2, sz * z)) for sx in (-1, 1) for sz in (-1, 1)]


def _table(rng: np.random.Generator) -> Materials:
    width, depth, height = rng.uniform(700, 1800), rng.uniform(550, 900), rng.uniform(450, 800)
    top = box((width, rng.uniform(20, 50), depth), at_mm=(0, height, 0))
    return [[top], _legs(width, depth, height, rng.uniform(35, 80))]


def _desk(rng: np.random.Generator) -> Materials:
    """With a panel before the knees and what stands on it: a screen or a pile."""
    width, depth, height = rng.uniform(1000, 1800), rng.uniform(600, 800), rng.uniform(700, 1000)
    panel = box((width - 80, height * rng.uniform(0.5, 0.95), 20), at_mm=(0, height * 0.5, depth * 0.4))
    body = [box((width, 35, depth), at_mm=(0, height, 0)), panel, *_legs(width, depth, height, 45)]
    wide, high = rng.uniform(250, 600), rng.uniform(150, 400)
    upon = box((wide, high, rng.uniform(25, 250)), at_mm=(rng.uniform(-0.3, 0.3) * width, height + 30 + high / 2, 0))
    return [body, [upon]]


def _chair(rng: np.random.Generator) -> Materials:
    side, seat, back = rng.uniform(400, 500), rng.uniform(420, 500), rng.uniform(350, 600)
    body = [box((side, 45, side), at_mm=(0, seat, 0)), *_legs(side, side, seat, rng.uniform(25, 45))]
    if rng.random() < 0.5:
        panel = [box((side, back, 30), at_mm=(0, seat + back / 2, -side / 2))]
    else:
        slats = np.linspace(-side / 2 + 20, side / 2 - 20, 5)
        panel = [box((28, back, 28), at_mm=(x, seat + back / 2, -side / 2)) for x in slats]
        panel.append(box((side, 50, 32), at_mm=(0, seat + back, -side / 2)))
    return [body, panel]


def _counter(rng: np.random.Generator) -> Materials:
    width, depth, height = rng.uniform(900, 2200), rng.uniform(400, 700), rng.uniform(850, 1200)
    return [[box((width, height, depth), at_mm=(0, height / 2, 0))],
            [box((width + 80, 40, depth + 80), at_mm=(0, height + 20, 0))]]  # fmt: skip


def _sofa(rng: np.random.Generator) -> Materials:
    width, depth = rng.uniform(800, 2000), rng.uniform(700, 900)
    seat, back = rng.uniform(350, 450), rng.uniform(650, 900)
    arms = [box((180, seat * 1.5, depth), at_mm=(x, seat * 0.75, 0)) for x in (-width / 2, width / 2)]
    cushions = [ball((width / 4.2, 90, depth / 2.2), squareness=0.7, at_mm=(x, seat + 40, 40), around=26)
                for x in (-width / 4, width / 4)]  # fmt: skip
    body = [box((width, seat, depth), at_mm=(0, seat / 2, 0)), box((width, back, 200), at_mm=(0, back / 2, -depth / 2))]
    return [[*body, *arms], cushions]


def _plant(rng: np.random.Generator) -> Materials:
    pot = rng.uniform(150, 450)
    leaves = []
    reach = rng.uniform(350, 1000)
    for _ in range(int(rng.integers(9, 16))):
        length, wide = reach * rng.uniform(0.5, 1.0), rng.uniform(50, 160)
        leaf = ball((wide / 2, length / 2, 6), at_mm=(0, length / 2, 0), around=8)
        lean = axis_rotation("Y", rng.uniform(0, 2 * math.pi)) @ axis_rotation("X", rng.uniform(0.1, 1.1))
        twist = axis_rotation("Y", rng.uniform(0, 2 * math.pi))
        leaves.append(leaf.turned(lean @ twist).moved((0, pot + rng.uniform(-20, 0.3 * reach), 0)))
    return [[cylinder(pot * 0.35, pot, top_mm=pot * 0.45), cylinder(15, pot + 0.3 * reach)], leaves]


def _wall(rng: np.random.Generator) -> Materials:
    width, height = rng.uniform(800, 3000), rng.uniform(700, 1500)
    return [[box((width, height, rng.uniform(60, 250)), at_mm=(0, height / 2, 0))]]


def _high_wall(rng: np.random.Generator) -> Materials:
    width, height = rng.uniform(500, 1300), rng.uniform(2000, 2600)
    return [[box((width, height, rng.uniform(40, 200)), at_mm=(0, height / 2, 0))]]


def _door_frame(rng: np.random.Generator) -> Materials:
    width, height, thick = rng.uniform(750, 1000), rng.uniform(1950, 2200), rng.uniform(60, 160)
    posts = [box((thick, height, 120), at_mm=(x, height / 2, 0)) for x in (-width / 2, width / 2)]
    frame = [*posts, box((width + thick, thick, 120), at_mm=(0, height + thick / 2, 0))]
    leaf = box((width * 0.95, height * 0.97, 40), at_mm=(width * 0.475, height / 2, 0))
    turn = axis_rotation("Y", rng.uniform(0.6, 1.8))
    return [frame, [leaf.turned(turn).moved((-width / 2, 0, 0))]]


def _shelf(rng: np.random.Generator) -> Materials:
    width, height, depth = rng.uniform(500, 1100), rng.uniform(900, 1900), rng.uniform(220, 400)
    boards = [box((width, 25, depth), at_mm=(0, y, 0)) for y in np.linspace(40, height, int(rng.integers(3, 6)))]
    boards += [box((25, height, depth), at_mm=(x, height / 2, 0)) for x in (-width / 2, width / 2)]
    gap = height / 4
    goods = [box((rng.uniform(60, 250), gap * rng.uniform(0.4, 0.9), depth * 0.7),
                 at_mm=(rng.uniform(-0.35, 0.35) * width, gap * (k + 0.5), 0)) for k in range(4)]  # fmt: skip
    return [boards, goods]


def _railing(rng: np.random.Generator) -> Materials:
    width, height = rng.uniform(1200, 2600), rng.uniform(850, 1200)
    posts = [
        box((28, height, 28), at_mm=(x, height / 2, 0)) for x in np.linspace(-width / 2, width / 2, int(width // 160))
    ]
    return [[*posts, box((width, 50, 60), at_mm=(0, height, 0))]]


def _pole(rng: np.random.Generator) -> Materials:
    return [[cylinder(rng.uniform(20, 130), rng.uniform(1600, 3000))]]


def _crates(rng: np.random.Generator) -> Materials:
    piles: Materials = [[], []]
    height = 0.0
    for level in range(int(rng.integers(2, 5))):
        size = rng.uniform(250, 600, 3)
        turned = box(size).turned(axis_rotation("Y", rng.uniform(-0.5, 0.5)))
        piles[level % 2].append(turned.moved((rng.uniform(-60, 60), height + size[1] / 2, rng.uniform(-60, 60))))
        height += size[1]
    return piles


def _barrel(rng: np.random.Generator) -> Materials:
    radius = rng.uniform(150, 350)
    return [[cylinder(radius, rng.uniform(400, 1100), top_mm=radius * rng.uniform(0.7, 1.1))]]


def _block(rng: np.random.Generator) -> Materials:
    return [[box(rng.uniform(120, 500, 3))]]


def _boulder(rng: np.random.Generator) -> Materials:
    return [[ball(rng.uniform(80, 260, 3), squareness=rng.uniform(0, 0.6))]]


def _tube(rng: np.random.Generator) -> Materials:
    return [[cylinder(rng.uniform(40, 130), rng.uniform(200, 700)).turned(axis_rotation("X", 1.2))]]


def _slab(rng: np.random.Generator) -> Materials:
    return [[box((rng.uniform(250, 700), rng.uniform(250, 700), rng.uniform(10, 60)))]]


def _board(rng: np.random.Generator) -> Materials:
    """A picture, a sign or a tray, held before the body."""
    return [[box((rng.uniform(250, 700), rng.uniform(200, 550), rng.uniform(6, 30)))]]


def _bag(rng: np.random.Generator) -> Materials:
    width, height, depth = rng.uniform(220, 400), rng.uniform(250, 480), rng.uniform(90, 220)
    body = ball((width / 2, height / 2, depth / 2), squareness=rng.uniform(0.5, 0.85))
    rise = rng.uniform(120, 300)
    straps = [box((25, rise, 12), at_mm=(x, height / 2 + rise / 2 - 20, 0)) for x in (-width / 5, width / 5)]
    return [[body], [*straps, box((width * 0.45, 22, 14), at_mm=(0, height / 2 + rise - 20, 0))]]


def _umbrella(rng: np.random.Generator) -> Materials:
    radius, length = rng.uniform(400, 600), rng.uniform(700, 900)
    cover = cylinder(radius, rng.uniform(150, 280), top_mm=8.0).moved((0, length, 0))
    return [[cylinder(12, length + 100)], [cover]]


def _bottle(rng: np.random.Generator) -> Materials:
    radius, height = rng.uniform(25, 50), rng.uniform(120, 260)
    neck = cylinder(radius * 0.4, height * 0.35).moved((0, height, 0))
    return [[cylinder(radius, height, top_mm=radius * 0.9), neck]]


def _tablet(rng: np.random.Generator) -> Materials:
    """A telephone, a book or a portable computer."""
    width = rng.uniform(75, 340)
    return [[box((width, width * rng.uniform(0.6, 1.6), rng.uniform(8, 40)))]]


def _stick(rng: np.random.Generator) -> Materials:
    """A racket, a bat or a broom."""
    length = rng.uniform(350, 1100)
    end = ball((rng.uniform(20, 140), rng.uniform(60, 170), 20), at_mm=(0, length, 0))
    return [[cylinder(rng.uniform(10, 22), length)], [end]]


def _sphere(rng: np.random.Generator) -> Materials:
    radius = rng.uniform(60, 190)
    return [[ball((radius, radius, radius))]]


KINDS: dict[str, tuple[Callable[[np.random.Generator], Materials], Where]] = {
    "table": (_table, "ground"),
    "block": (_block, "anywhere"),
    "bag": (_bag, "held"),
    "desk": (_desk, "ground"),
    "wall": (_wall, "ground"),
    "boulder": (_boulder, "anywhere"),
    "board": (_board, "held"),
    "chair": (_chair, "ground"),
    "counter": (_counter, "ground"),
    "slab": (_slab, "anywhere"),
    "tablet": (_tablet, "held"),
    "sofa": (_sofa, "ground"),
    "plant": (_plant, "ground"),
    "tube": (_tube, "anywhere"),
    "bottle": (_bottle, "held"),
    "high_wall": (_high_wall, "ground"),
    "door_frame": (_door_frame, "ground"),
    "sphere": (_sphere, "held"),
    "shelf": (_shelf, "ground"),
    "railing": (_railing, "ground"),
    "umbrella": (_umbrella, "held"),
    "pole": (_pole, "ground"),
    "crates": (_crates, "ground"),
    "stick": (_stick, "held"),
    "barrel": (_barrel, "ground"),
}
"""How a kind is made, and where it belongs."""
