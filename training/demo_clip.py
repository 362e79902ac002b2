"""The bundled clip: one avatar does gymnastics in front of a fixed camera, six seconds that every detector should find.

Everything is drawn from files that docs/data.md names; the same files and driver give the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from training.avatar import Avatar, load_avatar
from training.bvh import BvhError, read_bvh
from training.data_directory import DataDirectory, DataDirectoryError
from training.gltf import AvatarError
from training.ground import on_ground
from training.kinematics import Array, axis_rotation
from training.panorama import PanoramaError, read_panorama
from training.render import Body, Renderer, RenderError
from training.retarget import CMU_JOINTS, AvatarMotion, retarget
from training.view import View

ClipError = (AvatarError, BvhError, DataDirectoryError, PanoramaError, RenderError)
"""What can go wrong with data or driver; each names its cure."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What the clip shows. The person stands around the origin and looks towards +z; the camera stands there."""

    avatar: str = "White_M_3_Casual"
    motion: str = "13_31"
    frames: tuple[int, int] = (200, 380)
    """First frame and the one after the last; frame 0 of the recordings is a T-pose."""
    background: str = "modern_buildings_2_1k"
    background_turn_deg: float = 150.0
    sun_strength: float = 2.0
    exposure: float = 1.3
    heading_deg: float = 20.0
    """Turns the recorded person towards the camera, a little to its right."""
    size_wh: tuple[int, int] = (640, 480)
    fov_deg: float = 50.0
    eye_mm: tuple[float, float, float] = (0.0, 1350.0, 3600.0)
    target_mm: tuple[float, float, float] = (0.0, 970.0, 0.0)
    rate_hz: int = 30


def render_clip(data: DataDirectory, plan: ClipPlan = ClipPlan()) -> Iterator[NDArray[np.uint8]]:
    """The frames of the clip, (height, width, 3) sRGB, one at a time."""
    avatar = load_avatar(data.avatar(plan.avatar))
    moved = _staged(data, avatar, plan)
    panorama = read_panorama(
        data.background(plan.background), turn_deg=plan.background_turn_deg, sun_strength=plan.sun_strength
    )
    camera = Camera.from_fov(plan.size_wh, plan.fov_deg)
    view = View.towards(camera, plan.eye_mm, target_mm=plan.target_mm)
    with Renderer(plan.size_wh, panorama, exposure=plan.exposure) as renderer:
        for rotations, positions_mm in zip(moved.rotations, moved.positions_mm, strict=True):
            yield renderer.picture(view, [Body(avatar, *avatar.skinned(rotations, positions_mm))])


def write_clip(frames: Iterator[NDArray[np.uint8]], path: Path, *, size_wh: tuple[int, int], rate_hz: int) -> int:
    """H.264 in MP4, which OpenCV's own wheels decode everywhere; returns the number of frames written."""
    count, unfinished = 0, path.with_name(f"{path.stem}.part{path.suffix}")
    with av.open(str(unfinished), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(rate_hz), options={"crf": "21", "preset": "slow"})
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # the same bytes wherever the same encoder runs
        for image_rgb in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image_rgb, format="rgb24")))
            count += 1
        container.mux(stream.encode(None))
    unfinished.replace(path)
    return count


def _staged(data: DataDirectory, avatar: Avatar, plan: ClipPlan) -> AvatarMotion:
    """The motion on the avatar, on the ground, cut, centred on the origin and turned towards the camera."""
    motion = read_bvh(data.motion(plan.motion), needs=CMU_JOINTS)
    moved = on_ground(retarget(motion, avatar), avatar, motion)
    cut = slice(*plan.frames)
    turn = axis_rotation("Y", np.deg2rad(plan.heading_deg))
    return AvatarMotion(turn @ moved.rotations[cut], (moved.positions_mm[cut] - _middle(moved, avatar, cut)) @ turn.T)


def _middle(moved: AvatarMotion, avatar: Avatar, cut: slice) -> Array:
    """The middle of the way that the hips go, on the ground."""
    hips_mm = moved.positions_mm[cut, avatar.row("Hips")]
    middle: Array = (hips_mm.min(axis=0) + hips_mm.max(axis=0)) / 2 * np.array([1.0, 0.0, 1.0])
    return middle
