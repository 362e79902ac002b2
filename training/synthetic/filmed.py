"""Short films of one rendered person in motion, with the truth of every frame: what a live line sees, moment by moment.

Seven in ten mostly have all of the person in the picture, the others the upper body as before a webcam. In six of ten
something opaque is over a joint: drawn anew in every frame, kept for a while, or standing still in the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from engine.body.skeleton_map import LOW_HIPS
from training.multiview_patch import Patch, choose_patch
from training.panorama import panorama_of
from training.synthetic.cast import Cast
from training.synthetic.light import turned
from training.synthetic.looking import looking
from training.synthetic.motions import Motions, with_still_legs
from training.synthetic.people import posed
from training.synthetic.posing import rig_turns
from training.synthetic.raster import Raster
from training.synthetic.scene import Viewpoint
from training.synthetic.shape import draw_shape
from training.synthetic.skinning import Body

Array = NDArray[np.float64]

SIDE_PX, MOMENTS, RATE_HZ = 512, 48, 30.0
STRIDES = (1, 1, 2, 2, 3, 5)
"""30, 15, 10 and 6 frames a second."""
_NEAR = 0.3
_STILL_LEGS, _SEATED = 0.7, 0.8
_COVERS = {"nothing": 0.4, "anew": 0.25, "a while": 0.25, "still": 0.1}
_WHILE, _AGAIN = (3, 20), 0.7
"""Frames after which something over a joint goes, and how often it is followed by something else."""
_NOISE = 2.0
"""Spread of the sensor's noise, of 255."""
_LIMBS = H36M17.rows(
    *(f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
)


@dataclass(frozen=True, slots=True, eq=False)
class FilmedMoment:
    image_rgb: NDArray[np.uint8]
    """(512, 512, 3)"""
    camera: Camera
    time_s: float
    joints_mm: Array
    """(17, 3) camera axes, relative to the pelvis: the joints of the pose stream"""
    joints_px: Array
    """(17, 2)"""


def filmed(cast: Cast, motions: Motions, raster: Raster, rng: np.random.Generator) -> Iterator[FilmedMoment]:
    """One person's moments in order. The raster draws 512 x 512."""
    stride, near = int(rng.choice(STRIDES)), rng.random() < _NEAR
    bones = motions.draw(rng, MOMENTS, stride)
    if near and rng.random() < _STILL_LEGS:
        bones = with_still_legs(bones, rng, seated=_SEATED)
    outfits = cast.outfits[cast.persons[rng.integers(len(cast.persons))]]
    actor = cast.pack.actor(outfits[rng.integers(len(outfits))])
    body = Body(actor, draw_shape(rng, actor))
    background = cast.pack.background_rgb(str(rng.choice(cast.backgrounds)))
    around = turned(panorama_of(background, sun_strength=1.0, lamp_gain=8.0), rng.uniform(-np.pi, np.pi))
    exposure, sun_strength = math.exp(rng.uniform(math.log(0.75), math.log(1.45))), rng.uniform(0.0, 2.0)
    cover = _Cover(rng, str(rng.choice(list(_COVERS), p=list(_COVERS.values()))))
    hands = int(rng.integers(2**32))
    view: Viewpoint | None = None
    for moment, turns in enumerate(bones):
        person = posed(body, rig_turns(turns[None], np.random.default_rng(hands))[0])
        if view is None:
            view = _near(rng, person.joints_mm) if near else _far(rng)
        drawn = raster.draw(view, [person.placed], around, exposure=exposure, sun_strength=sun_strength)
        noise = rng.normal(0, _NOISE, drawn.image_rgb.shape)
        image_rgb = np.clip(drawn.image_rgb + noise, 0, 255).astype(np.uint8)
        seen_mm = view.camera_mm(person.joints_mm)
        joints_px = view.camera.project(seen_mm)
        patch = cover.over(joints_px[_LIMBS], moment)
        yield FilmedMoment(
            image_rgb if patch is None else patch.laid_over(image_rgb),
            view.camera,
            moment * stride / RATE_HZ,
            LOW_HIPS @ seen_mm,
            joints_px,
        )


class _Cover:
    """What is over a joint, moment by moment."""

    def __init__(self, rng: np.random.Generator, kind: str) -> None:
        self._rng, self._kind = rng, kind
        self._patch: Patch | None = None
        self._until = 0

    def over(self, joints_px: Array, moment: int) -> Patch | None:
        if self._kind == "anew" or (self._kind == "still" and moment == 0):
            self._patch = choose_patch(joints_px, joints_px, rng=self._rng)
        elif self._kind == "a while" and moment >= self._until:
            self._until = moment + int(self._rng.integers(*_WHILE))
            covered = self._rng.random() < _AGAIN
            self._patch = choose_patch(joints_px, joints_px, rng=self._rng) if covered else None
        return self._patch


def _far(rng: np.random.Generator) -> Viewpoint:
    """From anywhere around, most of it with the whole person in the picture."""
    half_tan = math.tan(math.radians(rng.uniform(40, 80)) / 2)
    distance_mm = 1250 / half_tan * math.exp(rng.uniform(math.log(0.55), math.log(2.8)))
    yaw = rng.uniform(-math.pi, math.pi)
    eye_mm = np.array([distance_mm * math.sin(yaw), rng.uniform(300, 2200), distance_mm * math.cos(yaw)])
    aim_mm = np.array([rng.normal(0, 100), 950 + rng.normal(0, 100), 0.0])
    return _viewpoint(eye_mm, aim_mm, half_tan, roll_rad=rng.normal(0, 0.05))


def _near(rng: np.random.Generator, joints_mm: Array) -> Viewpoint:
    """From before the person, upper body only, as webcams do."""
    half_tan = math.tan(math.radians(rng.uniform(45, 85)) / 2)
    pelvis_mm, chest_mm = joints_mm[H36M17.rows("pelvis", "thorax")]
    left_mm, right_mm = joints_mm[H36M17.rows("left_hip", "right_hip")]
    aim_mm = pelvis_mm + (chest_mm - pelvis_mm) * rng.uniform(0.2, 1.1) + rng.normal(0, 80, 3)
    front = np.cross(left_mm - right_mm, chest_mm - pelvis_mm)
    yaw = math.atan2(front[0], front[2]) + rng.normal(0, 0.8)
    distance_mm = rng.uniform(450, 900) / half_tan
    off_mm = np.array([distance_mm * math.sin(yaw), rng.normal(100, 250), distance_mm * math.cos(yaw)])
    return _viewpoint(aim_mm + off_mm, aim_mm, half_tan, roll_rad=rng.normal(0, 0.04))


def _viewpoint(eye_mm: Array, aim_mm: Array, half_tan: float, *, roll_rad: float) -> Viewpoint:
    focal_px, middle_px = SIDE_PX / 2 / half_tan, (SIDE_PX - 1) / 2
    camera = Camera((focal_px, focal_px), (middle_px, middle_px), (SIDE_PX, SIDE_PX), "drawn")
    x, y, z = (aim_mm - eye_mm).tolist()
    rotation = looking((x, y, z), (0.0, 0.0, 1.0), roll_rad=roll_rad)
    assert rotation is not None, "the middle of the picture can look anywhere"
    return Viewpoint(camera, rotation, eye_mm, np.eye(2, 3), SIDE_PX)
