"""Simple solids, views and surroundings for tests of the synthetic pictures' renderer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from engine.body.camera import Camera
from engine.body.crop import Region
from training.avatar import Part
from training.panorama import Panorama
from training.synthetic.scene import FIRST_THING, Look, Placed, Viewpoint
from training.view import View

SIZE_WH = (640, 480)
BENT = (-0.18, 0.05, 0.004, -0.006, -0.01)
"""A lens that moves the corners of the frame by several per cent."""
GREY = (128, 128, 128)
_IMAGE = np.full((64, 128, 3), 128, np.uint8)
_IMAGE[:32] = (90, 160, 255)


def surroundings() -> Panorama:
    """A blue sky over grey ground, evenly lit, with a sun to the left behind the camera."""
    ambient = np.zeros((9, 3))
    ambient[0], ambient[1] = 1.2, 0.3
    sun = np.array([-0.5, 0.7, 0.6])
    return Panorama(_IMAGE, 0.4, ambient, sun / np.linalg.norm(sun), np.array([0.5, 0.5, 0.4]))


def viewpoint(
    eye_mm: ArrayLike = (500.0, 1400.0, 3200.0),
    *,
    distortion: tuple[float, ...] = (0.0,) * 5,
    side_px: float = 400.0,
    angle_rad: float = 0.0,
    crop_size_px: int = 128,
) -> Viewpoint:
    """Looks at a point one metre over the origin; the crop lies a little beside the middle of the frame."""
    camera = replace(Camera.from_fov(SIZE_WH, 70.0), distortion=distortion)
    view = View.towards(camera, eye_mm, target_mm=(0.0, 1000.0, 0.0))
    region = Region((330.0, 250.0), side_px, angle_rad)
    return Viewpoint(camera, view.rotation, view.eye_mm, region.frame_from_crop(crop_size_px), crop_size_px)


def solid(vertices: np.ndarray, faces: np.ndarray, name: str, rgb: tuple[int, int, int], owner: int) -> Placed:
    """A mesh of one colour, not skin; its normals point away from the middle."""
    texture = np.full((4, 4, 4), (*rgb, 0), np.uint8)
    look = Look(name, np.zeros((len(vertices), 2), np.float32), faces, (Part(0, len(faces), 0),), (texture,))
    normals = vertices - vertices.mean(axis=0)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Placed(look, vertices.astype(np.float32), normals.astype(np.float32), owner, np.eye(3), np.eye(3))


def box(
    centre_mm: ArrayLike,
    half_mm: ArrayLike,
    *,
    name: str = "box",
    rgb: tuple[int, int, int] = GREY,
    owner: int = FIRST_THING,
    cells: int = 6,
) -> Placed:
    """A box whose sides are split into `cells` by `cells` squares, so that a lens bends its edges."""
    across = np.linspace(-1, 1, cells + 1)
    u, v = (axis.ravel() for axis in np.meshgrid(across, across))
    first = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).reshape(-1, 1)
    net = (first + np.array([0, 1, cells + 1, 1, cells + 2, cells + 1])).reshape(-1, 3)
    vertices, faces = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            side = np.empty((len(u), 3))
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = sign, u, v
            faces.append((net if sign > 0 else net[:, ::-1]) + len(vertices) * len(u))
            vertices.append(side)
    corners = np.concatenate(vertices) * np.asarray(half_mm) + np.asarray(centre_mm)
    return solid(corners, np.concatenate(faces).astype(np.int32), name, rgb, owner)


def ball(centre_mm: ArrayLike, radius_mm: float) -> Placed:
    """A box blown up to a ball."""
    net = box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), name="ball")
    round_mm = net.vertices_mm / np.linalg.norm(net.vertices_mm, axis=1, keepdims=True) * radius_mm
    return replace(net, vertices_mm=(round_mm + np.asarray(centre_mm)).astype(np.float32))


def box_normals(placed: Placed, cells: int = 6) -> Placed:
    """The same box with the normals of its sides."""
    count = (cells + 1) ** 2
    normals = np.zeros_like(placed.normals)
    for side in range(6):
        normals[side * count : (side + 1) * count, side // 2] = 1.0 if side % 2 else -1.0
    return replace(placed, normals=normals)


def mirrored_solid(placed: Placed) -> Placed:
    """Left and right of the world exchanged; the faces still look outwards."""
    flip = np.float32([-1, 1, 1])
    look = replace(placed.look, name=f"{placed.look.name} mirrored", faces=placed.look.faces[:, ::-1].copy())
    return replace(placed, look=look, vertices_mm=placed.vertices_mm * flip, normals=placed.normals * flip)


def mirrored_viewpoint(seen: Viewpoint) -> Viewpoint:
    camera, flip = seen.camera, np.diag([-1.0, 1.0, 1.0])
    k1, k2, p1, p2, k3 = camera.distortion
    width = camera.size_wh[0]
    centre = (width - 1 - camera.centre_px[0], camera.centre_px[1])
    from_crop = np.vstack([seen.frame_from_crop, [0, 0, 1]])
    flip_frame = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    flip_crop = np.array([[-1.0, 0, seen.crop_size_px - 1], [0, 1, 0], [0, 0, 1]])
    return Viewpoint(
        replace(camera, centre_px=centre, distortion=(k1, k2, p1, -p2, k3)),
        flip @ seen.rotation @ flip,
        seen.eye_mm * [-1, 1, 1],
        (flip_frame @ from_crop @ flip_crop)[:2],
        seen.crop_size_px,
    )


def mirrored_surroundings(panorama: Panorama) -> Panorama:
    odd = np.array([1, 1, 1, -1, -1, 1, 1, -1, 1.0])[:, None]
    image = np.ascontiguousarray(panorama.image_rgb[:, ::-1])
    direction = panorama.sun_direction * [-1, 1, 1]
    return Panorama(image, -panorama.turn_rad, panorama.ambient_rgb * odd, direction, panorama.sun_rgb)
