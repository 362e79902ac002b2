"""Things between the camera and the person: as many as hide the drawn share of the joints."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.avatar import Floats
from training.kinematics import Array, axis_rotation
from training.synthetic.body_outline import body_front, body_points_mm
from training.synthetic.scene import FIRST_THING, Placed, Viewpoint
from training.synthetic.things import Thing

_WRISTS = [(H36M17.row(f"{side}_elbow"), H36M17.row(f"{side}_wrist")) for side in ("left", "right")]
_SPINE, _THORAX = H36M17.rows("spine", "thorax")
_JOINTS = len(H36M17.names)
_HUES = [np.roll(np.eye(3), steps, axis=1) for steps in range(3)]
_LEAST_WIDE, _MOST_WIDE = math.log(0.08), math.log(0.5)
"""Of a thing anywhere, over the body as it is seen."""
_NEAREST_MM = 200.0
"""Least depth of a thing's vertices: nothing crosses the camera's plane."""
_AIR_MM = 60.0
"""Between a thing that is not held and the joints' places; flesh may touch it, as it does a desk."""


@dataclass(frozen=True, slots=True)
class ObstacleRange:
    """How much stands in front of people."""

    hidden: tuple[float, float] = (0.05, 0.4)
    """Share of the joints that things are to hide, drawn evenly; what fits the scene may hide less."""
    count: tuple[int, int] = (1, 4)
    """Least and greatest number of things."""
    free: float = 0.0
    """Share of pictures without any."""
    places: tuple[float, float, float] = (0.45, 0.2, 0.35)
    """Weights of things on the ground, held ones, and ones anywhere between camera and person."""

    def __post_init__(self) -> None:
        if not 0 <= self.hidden[0] <= self.hidden[1] <= 1 or not 0 <= self.free <= 1:
            raise ValueError(f"hidden and free are shares within 0..1, got {self.hidden}, {self.free}")
        if not 0 <= self.count[0] <= self.count[1] <= 100:
            raise ValueError(f"count is a range within 0..100, got {self.count}")
        if min(self.places) < 0 or sum(self.places) <= 0:
            raise ValueError(f"places are weights, at least one positive, got {self.places}")


OBSTACLES_NONE = ObstacleRange(count=(0, 0), free=1.0)
OBSTACLES_SOME = ObstacleRange(free=0.3)
OBSTACLES_HEAVY = ObstacleRange(hidden=(0.2, 0.65), count=(1, 6))


def draw_obstacles(
    rng: np.random.Generator,
    viewpoint: Viewpoint,
    joints_world_mm: Array,
    *,
    things: Sequence[Thing],
    plan: ObstacleRange | None = None,
) -> list[Placed]:
    """Things before the person with owners `FIRST_THING`, `FIRST_THING` + 1 ...; may be fewer than asked.

    joints_world_mm: (17, 3). No vertex is nearer to the camera's plane than 200 mm, and no joint lies inside a thing
    that is not held.
    """
    plan = plan or ObstacleRange()
    count = int(rng.integers(plan.count[0], plan.count[1] + 1))
    if rng.random() < plan.free or count == 0 or not things:
        return []
    wanted = float(rng.uniform(*plan.hidden))
    ends = list(accumulate(plan.places))
    placed, hidden = list[Placed](), np.zeros(len(joints_world_mm), bool)
    body_mm = body_points_mm(joints_world_mm)
    for _ in range(4 * count):
        where = _WHERE[bisect(ends, rng.random() * ends[-1])]
        thing = _chosen(rng, things, where)
        one = None if thing is None else _PLACING[where](rng, thing, viewpoint, body_mm)
        if one is None or one.depth_mm(viewpoint) < _NEAREST_MM:
            continue
        both = hidden | one.hides(joints_world_mm, viewpoint.eye_mm)
        hides, now = int(np.count_nonzero(hidden)), int(np.count_nonzero(both))
        if now > plan.hidden[1] * len(both) or (now == hides and rng.random() < 0.7):
            continue
        placed.append(one.placed(owner=FIRST_THING + len(placed), tint=draw_tint(rng)))
        hidden = both
        if len(placed) == count or now >= wanted * len(both):
            break
    return placed


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """A thing scaled along its own axes, turned and moved."""

    thing: Thing
    turn: Array
    scale: Array
    foot_mm: Array

    def depth_mm(self, view: Viewpoint) -> float:
        """Of the vertex that is nearest to the camera's plane."""
        forward = view.rotation[2]
        along = self.thing.vertices_mm @ (self.scale * (forward @ self.turn)).astype(np.float32)
        return float(along.min()) + float(forward @ (self.foot_mm - view.eye_mm))

    def hides(self, points_mm: Array, eye_mm: Array) -> NDArray[np.bool_]:
        """(point,) in the thing's own axes, where straight lines are straight too."""
        points = (np.vstack([points_mm, eye_mm]) - self.foot_mm) @ self.turn / self.scale
        return self.thing.surface.hides(points[:-1], points[-1])

    def placed(self, *, owner: int, tint: Array) -> Placed:
        into_world = (self.scale[:, None] * self.turn.T).astype(np.float32)
        vertices_mm = self.thing.vertices_mm @ into_world + self.foot_mm.astype(np.float32)
        normals: Floats = self.thing.normals @ (self.turn.T / self.scale[:, None]).astype(np.float32)
        normals /= np.sqrt(np.einsum("vi,vi->v", normals, normals))[:, None]
        return Placed(self.thing.look, vertices_mm, normals, owner, np.eye(3), tint)


def _chosen(rng: np.random.Generator, things: Sequence[Thing], where: str) -> Thing | None:
    fitting = [thing for thing in things if thing.where == where or (where == "anywhere" and thing.where == "held")]
    return fitting[int(rng.integers(len(fitting)))] if fitting else None


def _on_ground(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> _Set | None:
    """Standing between camera and person, high enough to reach the ray to one joint, a part of it before it."""
    target = body_mm[int(rng.integers(_JOINTS))]
    share = rng.beta(1.5, 2.5)  # of the way to the camera: things are commoner near the person
    ray = view.eye_mm - target
    spot_x, spot_y, spot_z = (target + share * ray).tolist()
    width, height, _ = thing.size_mm.tolist()
    rise = min(max(spot_y * rng.uniform(1.0, 1.35) / height, 0.75), 1.4)
    scale = np.array([rng.uniform(0.8, 1.3), rise, rng.uniform(0.8, 1.3)])
    facing = math.atan2(ray[0], ray[2]) + (0.0, math.pi, rng.uniform(-math.pi, math.pi))[int(rng.integers(3))]
    facing += rng.normal(0.0, 0.25)
    beside = rng.uniform(-0.45, 0.45) * width * float(scale[0])
    foot_mm = np.array([spot_x + beside * math.cos(facing), 0.0, spot_z - beside * math.sin(facing)])
    return _clear(_Set(thing, _upright_turn(facing), scale, foot_mm), body_mm)


def _anywhere(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> _Set | None:
    """Turned any way, on the ray to one joint, as large as covers a drawn part of the body."""
    target = body_mm[int(rng.integers(_JOINTS))] + rng.normal(0.0, 60.0, 3)
    share = float(rng.uniform(0.1, 0.75))
    extent = float((body_mm.max(axis=0) - body_mm.min(axis=0)).max())
    wide = (1 - share) * extent * math.exp(rng.uniform(_LEAST_WIDE, _MOST_WIDE))
    scale = wide / thing.size_mm.max() * rng.uniform(0.75, 1.25, 3)
    turn = _any_turn(rng)
    middle = target + share * (view.eye_mm - target) - turn[:, 1] * (scale[1] * thing.size_mm[1] / 2)
    return _clear(_Set(thing, turn, scale, middle), body_mm)


def _held(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> _Set | None:
    """In a hand, or before the chest."""
    del view
    front = body_front(body_mm)
    size, scale = thing.size_mm.tolist(), float(rng.uniform(0.85, 1.15))
    turn = _upright_turn(math.atan2(front[0], front[2]) + rng.normal(0.0, 0.4))
    turn = turn @ axis_rotation("X", rng.normal(0.0, 0.35)) @ axis_rotation("Z", rng.normal(0.0, 0.35))
    if size[1] < 700 and rng.random() < 0.5:
        middle = (body_mm[_SPINE] + body_mm[_THORAX]) / 2 + front * (rng.uniform(220, 380) + size[2] / 2)
        middle += rng.normal(0.0, 60.0, 3)
        grip = size[1] / 2
    else:
        elbow, wrist = _WRISTS[int(rng.integers(2))]
        middle = body_mm[wrist] + 0.4 * (body_mm[wrist] - body_mm[elbow])
        grip = size[1] * (0.05, 0.5, 0.95)[int(rng.integers(3))]  # by its foot, its middle or its top
    return _Set(thing, turn, np.full(3, scale), middle - turn[:, 1] * (scale * grip))


_WHERE = ("ground", "held", "anywhere")
_PLACING = {"ground": _on_ground, "held": _held, "anywhere": _anywhere}


def _clear(one: _Set, body_mm: Array) -> _Set | None:
    """None where it would stand in the body."""
    half = one.thing.size_mm * one.scale / 2
    local = np.abs((body_mm - one.foot_mm) @ one.turn - [0.0, half[1], 0.0])
    return None if (local < half + _AIR_MM).all(axis=1).any() else one


def _upright_turn(angle_rad: float) -> Array:
    """`axis_rotation` around y."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def _any_turn(rng: np.random.Generator) -> Array:
    """A rotation, all equally likely: that of a quaternion of any direction (G. Marsaglia 1972)."""
    x, y, z, w = rng.standard_normal(4).tolist()
    length = x * x + y * y + z * z + w * w
    rows = [
        [w * w + x * x - y * y - z * z, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), w * w - x * x + y * y - z * z, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), w * w - x * x - y * y + z * z],
    ]
    turn: Array = np.array(rows) / length
    return turn


def draw_tint(rng: np.random.Generator) -> Array:
    """(3, 3) on linear RGB: brighter or darker, and a little of another hue."""
    gains = np.minimum(np.exp(rng.normal(0.0, 0.2, 3) + rng.normal(0.0, 0.35)), 1.6)
    share = rng.uniform(0.0, 0.5)
    mixed = (1 - share) * _HUES[0] + share * _HUES[int(rng.integers(3))]
    return np.asarray(gains[:, None] * mixed)
