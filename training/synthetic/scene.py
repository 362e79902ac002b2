"""The nouns of synthetic pictures: what stands where, who looks at it, and what comes out.

World axes: y up, millimetres, the ground is y = 0. Camera axes as in engine.body: x right, y down, z forward. Every
crop is drawn directly at its own size: the map from camera to crop is the lens, then the inverse of `frame_from_crop`,
so that no full frame is ever made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from engine.body.crop import inverted, transformed
from training.avatar import Floats, Part
from training.kinematics import Array

CROP_SIZE_PX = 256

THE_PERSON = 0
"""Owner of what belongs to the labelled person; other people are 1, 2, ..., things come after `FIRST_THING`."""
FIRST_THING = 100
NOBODY = 255
"""Owner of a pixel that shows the background."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What does not change from crop to crop, so that a renderer may keep it on its device by `name`."""

    name: str
    uv: Floats
    """(vertex, 2), (0, 0) at the upper left of the texture."""
    faces: NDArray[np.int32]
    """(face, 3), counter-clockwise seen from outside."""
    parts: tuple[Part, ...]
    textures_rgba: tuple[NDArray[np.uint8], ...]
    """(height, width, 4): sRGB, and in alpha the share of skin (255 = skin, 0 = cloth, hair or thing)."""
    outline: NDArray[np.int32] | None = None
    """(face, 3) fewer faces of the same vertices, for shadows; where there are none, `faces` serve."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A look in one pose and colour."""

    look: Look
    vertices_mm: Floats
    """(vertex, 3) in the world."""
    normals: Floats
    """(vertex, 3) unit length."""
    owner: int
    skin_rgb: Array
    """(3, 3) on linear RGB of what is skin."""
    cloth_rgb: Array
    """(3, 3) on linear RGB of the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """A camera in the world and the crop that is taken from its frame."""

    camera: Camera
    rotation: Array
    """(3, 3): x_camera = rotation @ (x_world - eye_mm)."""
    eye_mm: Array
    frame_from_crop: Array
    """(2, 3) affine map from crop pixels to frame pixels, pixel centres at whole numbers."""
    crop_size_px: int = CROP_SIZE_PX

    def camera_mm(self, world_mm: Array) -> Array:
        """(..., 3) world points -> camera axes."""
        return (world_mm - self.eye_mm) @ self.rotation.T

    def crop_px(self, world_mm: Array) -> Array:
        """(..., 3) world points before the camera -> (..., 2) pixels of the crop."""
        return transformed(self.camera.project(self.camera_mm(world_mm)), inverted(self.frame_from_crop))


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One crop as the renderer leaves it."""

    image_rgb: NDArray[np.uint8]
    """(size, size, 3) sRGB."""
    depth_mm: Floats
    """(size, size) z in camera axes of the first surface through each pixel centre; inf where there is none."""
    owner: NDArray[np.uint8]
    """(size, size) whose surface it is, else NOBODY."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A finished training picture with its truth."""

    image_rgb: NDArray[np.uint8]
    joints_mm: Floats
    """(17, 3) relative to the pelvis, camera axes."""
    root_mm: Floats
    """(3,) the pelvis in the camera."""
    joints_px: Floats
    """(17, 2) in the full frame, lens included; may lie outside it."""
    visible: NDArray[np.bool_]
    """(17,) the first surface on the ray is the person's own, within the part's
    thickness, and the joint lies inside the frame and the crop."""
    camera: Camera
    frame_from_crop: Array
    about: Mapping[str, str | int | float]
    """How it came about: avatar, background, occluders ... for reports."""


class CropSource(Protocol):
    """Endless crops; crop i depends on the source's settings and on i alone, in any order and any process."""

    def crop(self, index: int) -> Crop: ...
