"""Synthetic crops without end: somebody in a pose, seen by a camera, lit, partly hidden, and taken with its flaws.

Crop i depends on data, seed, split, kind and i alone. One source belongs to one thread of one process: it holds the
renderer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import cast

import numpy as np

from training.cmu import Split
from training.data_directory import DataDirectory
from training.kinematics import Array, axis_rotation
from training.panorama import panorama_of
from training.pose_stream import Augmentation
from training.synthetic.cast import Cast
from training.synthetic.clock import StageClock
from training.synthetic.crop_kind import OCCLUDERS, joints_crop_px
from training.synthetic.cutouts import CutoutRange, draw_cutouts
from training.synthetic.edges import with_edges_repeated
from training.synthetic.flawed import flawed
from training.synthetic.flaws import FlawRange, draw_flaws
from training.synthetic.h36m_joints import THICKNESS_MM
from training.synthetic.light import turned
from training.synthetic.obstacles import OBSTACLES_HEAVY, OBSTACLES_NONE, OBSTACLES_SOME, ObstacleRange, draw_obstacles
from training.synthetic.pack_build import pack_for
from training.synthetic.people import PICTURED, People, PosedPerson
from training.synthetic.people_places import NOBODY_ELSE, PeopleRange, PersonPlace, draw_people_places
from training.synthetic.raster import Raster
from training.synthetic.scene import Crop, Drawn, Placed, Viewpoint
from training.synthetic.things import library
from training.synthetic.viewpoints import ViewpointRange, draw_viewpoint
from training.synthetic.visibility import visible_joints

_SALT = 0x5CE
_LAMP_GAIN = 8.0
"""Three stops: what a bright window has over the white of an exposure for the room."""
_THING_PHOTOGRAPHS = 6


@dataclass(frozen=True, slots=True)
class SceneRange:
    """What scenes are drawn from."""

    obstacles: ObstacleRange
    people: PeopleRange
    viewpoint: ViewpointRange = field(default_factory=ViewpointRange)
    flaws: FlawRange = field(default_factory=FlawRange)
    sun_strength: tuple[float, float] = (0.0, 2.0)
    """Relative to the light of the sky; 0 is an overcast day or a room."""
    exposure: tuple[float, float] = (0.75, 1.45)
    """Light on people relative to the background's, evenly in the logarithm."""
    cutouts: CutoutRange = field(default_factory=CutoutRange)
    poses: Augmentation = PICTURED


KINDS: Mapping[str, SceneRange] = MappingProxyType(
    {
        "plain": SceneRange(OBSTACLES_NONE, NOBODY_ELSE),
        "mixed": SceneRange(OBSTACLES_SOME, PeopleRange(), cutouts=CutoutRange(share=0.2)),
        "occluded": SceneRange(OBSTACLES_HEAVY, PeopleRange()),
        "standing": SceneRange(
            OBSTACLES_SOME,
            PeopleRange(),
            viewpoint=ViewpointRange(height_mm=(100.0, 4500.0), held=0.4),
            poses=Augmentation(mix=0.3, rare=0.0, standing=0.7, jitter_deg=5.0),
        ),
        "seated": SceneRange(
            OBSTACLES_SOME,
            NOBODY_ELSE,
            viewpoint=ViewpointRange(
                distance_mm=(500.0, 2500.0),
                height_mm=(500.0, 2200.0),
                truncated=0.9,
                aim=((0.1, 0.9), (0.5, 1.4)),
                kept=("thorax", "neck_nose"),
                nearest_mm=300.0,
            ),
            cutouts=CutoutRange(share=0.25),
            poses=Augmentation(mix=0.5, mix_part=0.35, rare=0.0, at_table=0.8, jitter_deg=6.0),
        ),
        "balance": SceneRange(
            OBSTACLES_SOME,
            NOBODY_ELSE,
            viewpoint=ViewpointRange(distance_mm=(1500.0, 10_000.0), truncated=0.05),
            cutouts=CutoutRange(share=0.25),
            poses=Augmentation(mix=0.5, mix_part=0.35, rare=0.95, jitter_deg=6.0),
        ),
    }
)
"""`mixed` is for training: from nothing to much in front of people. The others add what it has too few of: `standing`
people who simply stand, or walk as recorded, also below cameras under ceilings; `seated` who sits close before a screen
or a table, as before webcams; `balance` whole people in rare poses, as in yoga, dance and gymnastics."""


@contextmanager
def open_source(data: DataDirectory, *, seed: int, split: str, kind: str) -> Iterator[SceneSource]:
    """The source of one split ('train' or 'test') and kind (see KINDS) from the data directory."""
    pack = pack_for(data)
    with Raster() as raster:
        yield SceneSource(Cast.of(pack, cast(Split, split)), seed=seed, plan=KINDS[kind], raster=raster)


class SceneSource:
    """A `TimedSource` of synthetic people."""

    def __init__(self, cast: Cast, *, seed: int, plan: SceneRange, raster: Raster) -> None:
        self.cast, self.seed, self.plan = cast, seed, plan
        self.clock = StageClock()
        self._raster = raster
        self._people = People(cast, seed, augmentation=plan.poses)
        photographs = [cast.pack.background_rgb(name) for name in cast.backgrounds[:_THING_PHOTOGRAPHS]]
        self._things = library(photographs=photographs)
        self._panorama = lru_cache(None)(
            lambda name: panorama_of(cast.pack.background_rgb(name), sun_strength=1.0, lamp_gain=_LAMP_GAIN)
        )

    @property
    def renderer(self) -> str:
        """The graphics driver's name and version."""
        return self._raster.renderer

    def crop(self, index: int) -> Crop:
        rng = np.random.default_rng([self.seed, _SALT, index])
        with self.clock.stage("people"):
            person = self._people.person(index)
        with self.clock.stage("scene"):
            view = draw_viewpoint(rng, person.joints_mm, plan=self.plan.viewpoint)
            things = draw_obstacles(rng, view, person.joints_mm, things=self._things, plan=self.plan.obstacles)
            places = draw_people_places(rng, view, person.joints_mm, plan=self.plan.people)
        with self.clock.stage("people"):
            others = [self._other(index, number, place) for number, place in enumerate(places, start=1)]
        background = str(rng.choice(self.cast.backgrounds))
        surroundings = turned(self._panorama(background), float(rng.uniform(-np.pi, np.pi)))
        with self.clock.stage("draw"):
            drawn = self._raster.draw(
                view,
                [person.placed, *others, *things],
                surroundings,
                exposure=float(np.exp(rng.uniform(*np.log(self.plan.exposure)))),
                sun_strength=float(rng.uniform(*self.plan.sun_strength)),
            )
        with self.clock.stage("flaws"):
            drawn = self._as_the_camera_has_it(rng, drawn, view)
        with self.clock.stage("truth"):
            about: dict[str, str | int | float] = {
                "avatar": person.placed.look.name,
                "background": background,
                "occluders": len(things) + sum(place.side == "front" for place in places),
                "others": len(others),
                "looking_down_deg": round(_looking_down_deg(view, person.joints_mm[0]), 1),
            }
            crop = self._crop(drawn, view, person, about)
        with self.clock.stage("flaws"):
            return self._covered(rng, crop)

    def _covered(self, rng: np.random.Generator, crop: Crop) -> Crop:
        """With patches laid over the finished picture."""
        joints_px = joints_crop_px(crop)
        size_px = len(crop.image_rgb)
        cutouts = draw_cutouts(
            rng, joints_px, frame_from_crop=crop.frame_from_crop, size_px=size_px, plan=self.plan.cutouts
        )
        for cutout in cutouts:
            about = {**crop.about, OCCLUDERS: int(crop.about[OCCLUDERS]) + 1}
            visible = crop.visible & ~cutout.covers(joints_px)
            crop = replace(crop, image_rgb=cutout.laid_on(crop.image_rgb), visible=visible, about=about)
        return crop

    def _as_the_camera_has_it(self, rng: np.random.Generator, drawn: Drawn, view: Viewpoint) -> Drawn:
        flaws = draw_flaws(rng, view.frame_from_crop, crop_size_px=view.crop_size_px, plan=self.plan.flaws)
        return with_edges_repeated(replace(drawn, image_rgb=flawed(drawn.image_rgb, flaws)), view)

    def _crop(self, drawn: Drawn, view: Viewpoint, person: PosedPerson, about: dict[str, str | int | float]) -> Crop:
        joints_mm = view.camera_mm(person.joints_mm)
        visible = visible_joints(
            drawn,
            view,
            joints_world_mm=person.joints_mm,
            thickness_mm=THICKNESS_MM,
            frame_wh=view.camera.size_wh,
        )
        return Crop(
            image_rgb=drawn.image_rgb,
            joints_mm=(joints_mm - joints_mm[0]).astype(np.float32),
            root_mm=joints_mm[0].astype(np.float32),
            joints_px=view.camera.project(joints_mm).astype(np.float32),
            visible=visible,
            camera=view.camera,
            frame_from_crop=view.frame_from_crop,
            about=about,
        )

    def _other(self, index: int, number: int, place: PersonPlace) -> Placed:
        placed = self._people.person(index, owner=number).placed
        turn = axis_rotation("Y", place.yaw_rad).astype(np.float32)
        ground_mm = place.ground_mm.astype(np.float32)
        return replace(placed, vertices_mm=placed.vertices_mm @ turn.T + ground_mm, normals=placed.normals @ turn.T)


def _looking_down_deg(view: Viewpoint, point_mm: Array) -> float:
    """How far under the horizon of the eye the point lies."""
    way = view.eye_mm - point_mm
    return float(np.degrees(np.arcsin(way[1] / np.linalg.norm(way))))
