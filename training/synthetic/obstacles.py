"""Things between the camera and the person: as many as hide the drawn share of the joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.body.skeleton import H36M17
from training.kinematics import Array, axis_rotation, nearest_rotation
from training.synthetic.body_outline import body_points_mm
from training.synthetic.hiding import hidden_joints
from training.synthetic.scene import FIRST_THING, Placed, Viewpoint
from training.synthetic.things import Thing

_WRISTS = [(H36M17.row(f"{side}_elbow"), H36M17.row(f"{side}_wrist")) for side in ("left", "right")]
_SPINE, _THORAX, _PELVIS = H36M17.rows("spine", "thorax", "pelvis")
_LEFT_HIP, _RIGHT_HIP = H36M17.rows("left_hip", "right_hip")
_JOINTS = len(H36M17.names)
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
    wanted = rng.uniform(*plan.hidden)
    weights = np.array(plan.places) / sum(plan.places)
    placed, hidden = list[Placed](), np.zeros(len(joints_world_mm), bool)
    body_mm = body_points_mm(joints_world_mm)
    for _ in range(4 * count):
        where = ("ground", "held", "anywhere")[int(rng.choice(3, p=weights))]
        thing = _chosen(rng, things, where)
        one = None if thing is None else _PLACING[where](rng, thing, viewpoint, body_mm)
        if one is None or viewpoint.camera_mm(one.vertices_mm.astype(np.float64))[:, 2].min() < _NEAREST_MM:
            continue
        both = hidden | hidden_joints(one, viewpoint.eye_mm, joints_world_mm)
        if both.mean() > plan.hidden[1] or (both.sum() == hidden.sum() and rng.random() < 0.7):
            continue
        placed.append(replace(one, owner=FIRST_THING + len(placed)))
        hidden = both
        if len(placed) == count or hidden.mean() >= wanted:
            break
    return placed


def _chosen(rng: np.random.Generator, things: Sequence[Thing], where: str) -> Thing | None:
    fitting = [thing for thing in things if thing.where == where or (where == "anywhere" and thing.where == "held")]
    return fitting[int(rng.integers(len(fitting)))] if fitting else None


def _on_ground(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> Placed | None:
    """Standing between camera and person, high enough to reach the ray to one joint, a part of it before it."""
    target = body_mm[int(rng.integers(_JOINTS))]
    share = float(rng.beta(1.5, 2.5))  # of the way to the camera: things are commoner near the person
    ray = view.eye_mm - target
    spot = target + share * ray
    size = np.asarray(thing.size_mm, np.float64)
    rise = float(np.clip(spot[1] * rng.uniform(1.0, 1.35) / size[1], 0.75, 1.4))
    scale = np.array([rng.uniform(0.8, 1.3), rise, rng.uniform(0.8, 1.3)])
    facing = math.atan2(ray[0], ray[2]) + rng.choice([0.0, math.pi, rng.uniform(-math.pi, math.pi)])
    turn = axis_rotation("Y", facing + rng.normal(0.0, 0.25))
    beside = turn[:, 0] * rng.uniform(-0.45, 0.45) * size[0] * scale[0]
    return _set_down(rng, thing, turn, scale, np.array([spot[0], 0.0, spot[2]]) + beside, clear_of=body_mm)


def _anywhere(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> Placed | None:
    """Turned any way, on the ray to one joint, as large as covers a drawn part of the body."""
    target = body_mm[int(rng.integers(_JOINTS))] + rng.normal(0.0, 60.0, 3)
    share = float(rng.uniform(0.1, 0.75))
    extent = float(np.ptp(body_mm, axis=0).max())
    wide = (1 - share) * extent * float(np.exp(rng.uniform(np.log(0.08), np.log(0.5))))
    size = np.asarray(thing.size_mm, np.float64)
    scale = wide / size.max() * rng.uniform(0.75, 1.25, 3)
    turn = nearest_rotation(rng.normal(size=(3, 3)))
    middle = target + share * (view.eye_mm - target) - turn @ (scale * [0.0, size[1] / 2, 0.0])
    return _set_down(rng, thing, turn, scale, middle, clear_of=body_mm)


def _held(rng: np.random.Generator, thing: Thing, view: Viewpoint, body_mm: Array) -> Placed | None:
    """In a hand, or before the chest."""
    del view
    joints = body_mm[:_JOINTS]
    front = np.cross(joints[_LEFT_HIP] - joints[_RIGHT_HIP], joints[_THORAX] - joints[_PELVIS])
    front /= max(float(np.linalg.norm(front)), 1e-9)
    size, scale = np.asarray(thing.size_mm, np.float64), np.full(3, rng.uniform(0.85, 1.15))
    turn = axis_rotation("Y", math.atan2(front[0], front[2]) + rng.normal(0.0, 0.4))
    turn = turn @ axis_rotation("X", rng.normal(0.0, 0.35)) @ axis_rotation("Z", rng.normal(0.0, 0.35))
    if size[1] < 700 and rng.random() < 0.5:
        middle = (joints[_SPINE] + joints[_THORAX]) / 2 + front * (rng.uniform(220, 380) + size[2] / 2)
        middle += rng.normal(0.0, 60.0, 3)
        grip = size[1] / 2
    else:
        elbow, wrist = _WRISTS[int(rng.integers(2))]
        fore = joints[wrist] - joints[elbow]
        middle = joints[wrist] + 0.4 * fore
        grip = size[1] * float(rng.choice([0.05, 0.5, 0.95]))  # by its foot, its middle or its top
    return _set_down(rng, thing, turn, scale, middle - turn @ (scale * [0.0, grip, 0.0]), clear_of=None)


_PLACING = {"ground": _on_ground, "held": _held, "anywhere": _anywhere}


def _set_down(
    rng: np.random.Generator, thing: Thing, turn: Array, scale: Array, foot_mm: Array, *, clear_of: Array | None
) -> Placed | None:
    """The thing scaled, turned and moved; None where it would stand in a body whose points are `clear_of`."""
    if clear_of is not None:
        half = np.asarray(thing.size_mm, np.float64) * scale / 2
        local = (clear_of - foot_mm) @ turn - [0.0, half[1], 0.0]
        if (np.abs(local) < half + _AIR_MM).all(axis=1).any():
            return None
    vertices = (thing.vertices_mm * scale.astype(np.float32)) @ turn.T.astype(np.float32) + foot_mm.astype(np.float32)
    normals = (thing.normals / scale.astype(np.float32)) @ turn.T.astype(np.float32)
    unit = np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True), np.float32)
    return Placed(thing.look, vertices, unit, FIRST_THING, np.eye(3), draw_tint(rng))


def draw_tint(rng: np.random.Generator) -> Array:
    """(3, 3) on linear RGB: brighter or darker, and a little of another hue."""
    gains = np.minimum(np.exp(rng.normal(0.0, 0.2, 3) + rng.normal(0.0, 0.35)), 1.6)
    share = rng.uniform(0.0, 0.5)
    mixed = (1 - share) * np.eye(3) + share * np.roll(np.eye(3), int(rng.integers(3)), axis=1)
    return np.asarray(gains[:, None] * mixed)
