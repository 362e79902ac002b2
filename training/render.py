"""Pictures of avatars in front of a panorama, drawn with OpenGL off screen (EGL; Mesa's software driver is enough).

One renderer belongs to the thread that made it. World axes: y up, millimetres, ground at y = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from training import shaders
from training.avatar import Avatar, Floats
from training.kinematics import Array
from training.panorama import Panorama
from training.view import View

_SHADOW_SIZE_PX = 1024
_FOOTPRINT_SIZE_PX = 512
_FOOTPRINT_HEIGHT_MM = 1000.0
_SRGB8 = 0x8C41  # GL_SRGB8: the sampler returns linear light
_SAMPLES = 4
_EYE_HEIGHT_MM = 1500.0
"""Height at which panoramas are usually taken; it sets how large the ground's texture looks."""
_SURROUND_RADIUS_MM = 9000.0
"""Beyond this distance the panorama stands upright instead of lying on the ground."""


class RenderError(RuntimeError):
    """No picture can be drawn on this machine; the text names the cure."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """An avatar in one pose."""

    avatar: Avatar
    vertices_mm: Floats
    normals: Floats


class Renderer:
    """Draws bodies in front of one panorama. A context manager: leaving it frees the OpenGL context."""

    def __init__(self, size_wh: tuple[int, int], panorama: Panorama, *, exposure: float = 1.0) -> None:
        try:
            self._gl = moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # the stub forgets str
        except Exception as error:  # moderngl raises bare Exception where no driver answers
            raise RenderError(f"no off-screen OpenGL ({error}); apt install libegl1 libgl1-mesa-dri") from error
        gl = self._gl
        gl.enable(moderngl.DEPTH_TEST)
        self.size_wh, self.panorama, self.exposure = size_wh, panorama, exposure
        self._smooth = gl.framebuffer(
            [gl.renderbuffer(size_wh, 3, samples=_SAMPLES)], gl.depth_renderbuffer(size_wh, samples=_SAMPLES)
        )
        self._plain = gl.framebuffer([gl.renderbuffer(size_wh, 3)])
        self._sun = gl.depth_texture((_SHADOW_SIZE_PX,) * 2)
        self._footprint = gl.depth_texture((_FOOTPRINT_SIZE_PX,) * 2)
        for texture in (self._sun, self._footprint):
            texture.compare_func = ""  # read as numbers
            texture.repeat_x = texture.repeat_y = False
        self._sun_target = gl.framebuffer(depth_attachment=self._sun)
        self._footprint_target = gl.framebuffer(depth_attachment=self._footprint)
        self._depth = gl.program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT)
        self._body = gl.program(shaders.BODY_VERTEX, shaders.BODY_FRAGMENT)
        self._backdrop = gl.program(shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT)
        corners = gl.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], np.float32))
        self._quad = gl.vertex_array(self._backdrop, [(corners, "2f", "corner")])
        # Four times larger by cubic interpolation: bilinear magnification alone shows diamonds.
        large = cv2.resize(panorama.image_rgb, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
        self._surround = gl.texture(large.shape[1::-1], 3, large.tobytes(), internal_format=_SRGB8)
        self._surround.repeat_y = False
        self._people: dict[str, _Person] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gl.release()

    def picture(self, view: View, bodies: Sequence[Body]) -> NDArray[np.uint8]:
        """(height, width, 3) sRGB; the caller owns the array. `view.camera.size_wh` is the renderer's size."""
        people = [self._person(body) for body in bodies]
        everything = np.concatenate([body.vertices_mm for body in bodies]).astype(np.float64)
        sun_from_world = _sun_matrix(everything, self.panorama.sun_direction)
        footprint = _footprint(everything)
        for target, matrix in (
            (self._sun_target, sun_from_world),
            (self._footprint_target, _footprint_matrix(footprint)),
        ):
            target.use()
            target.clear(depth=1.0)
            _set(self._depth, clip_from_world=matrix)
            for person in people:
                person.depth.render()
        self._light(sun_from_world, footprint)
        self._smooth.use()
        self._smooth.clear(depth=1.0)
        self._draw(view, people)
        self._gl.copy_framebuffer(self._plain, self._smooth)
        pixels = np.frombuffer(self._plain.read(components=3, alignment=1), np.uint8)
        return pixels.reshape(self.size_wh[1], self.size_wh[0], 3).copy()

    def _light(self, sun_from_world: Array, footprint: Array) -> None:
        self._sun.use(1)
        self._footprint.use(2)
        for program in (self._body, self._backdrop):
            _set(
                program,
                sun_depth=1,
                ground_height=2,
                reach=2,
                sun_from_world=sun_from_world,
                footprint=footprint,
                sun_direction=self.panorama.sun_direction,
                sun_rgb=self.panorama.sun_rgb,
                ambient_rgb=self.panorama.ambient_rgb.T,
            )

    def _draw(self, view: View, people: Sequence[_Person]) -> None:
        centre = np.array([0.0, _EYE_HEIGHT_MM, 0.0])
        self._surround.use(0)
        _set(self._backdrop, panorama=0, ray_from_ndc=view.ray_from_ndc, eye=view.eye_mm, centre=centre)
        _set(self._backdrop, turn=self.panorama.turn_rad, radius=_SURROUND_RADIUS_MM)
        self._quad.render(moderngl.TRIANGLE_STRIP)
        _set(self._body, albedo=0, clip_from_world=view.clip_from_world, eye=view.eye_mm, exposure=self.exposure)
        for person in people:
            for part in person.avatar.parts:
                person.textures[part.texture].use(0)
                person.drawn.render(vertices=part.face_count * 3, first=part.first_face * 3)

    def _person(self, body: Body) -> _Person:
        name = body.avatar.name
        if name not in self._people:
            self._people[name] = _Person(self._gl, body.avatar, depth=self._depth, drawn=self._body)
        self._people[name].write(body)
        return self._people[name]


class _Person:
    """An avatar's buffers on the device; positions and normals are rewritten for every pose."""

    def __init__(
        self, gl: moderngl.Context, avatar: Avatar, *, depth: moderngl.Program, drawn: moderngl.Program
    ) -> None:
        self.avatar = avatar
        self._positions = gl.buffer(reserve=avatar.vertices_mm.nbytes, dynamic=True)
        self._normals = gl.buffer(reserve=avatar.normals.nbytes, dynamic=True)
        faces, uv = gl.buffer(np.ascontiguousarray(avatar.faces)), gl.buffer(np.ascontiguousarray(avatar.uv))
        positions = (self._positions, "3f", "position")
        self.depth = gl.vertex_array(depth, [positions], index_buffer=faces)
        self.drawn = gl.vertex_array(
            drawn, [positions, (self._normals, "3f", "normal"), (uv, "2f", "uv")], index_buffer=faces
        )
        self.textures = [_texture(gl, image_rgb) for image_rgb in avatar.textures_rgb]

    def write(self, body: Body) -> None:
        self._positions.write(np.ascontiguousarray(body.vertices_mm, np.float32))
        self._normals.write(np.ascontiguousarray(body.normals, np.float32))


def _texture(gl: moderngl.Context, image_rgb: NDArray[np.uint8]) -> moderngl.Texture:
    texture = gl.texture(image_rgb.shape[1::-1], 3, np.ascontiguousarray(image_rgb).tobytes(), internal_format=_SRGB8)
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
    return texture


def _set(program: moderngl.Program, **values: Any) -> None:
    """Write uniforms; the compiler drops those that a program does not use."""
    for name, value in values.items():
        if name not in program:
            continue
        member = program[name]
        if isinstance(value, int | float):
            member.value = value  # type: ignore[union-attr]
        else:  # column-major, as OpenGL stores matrices
            member.write(np.ascontiguousarray(np.asarray(value).T, np.float32).tobytes())  # type: ignore[union-attr]


def _sun_matrix(points_mm: Array, direction: Array) -> Array:
    """An orthographic view from the sun that holds all points."""
    side = np.cross(direction, (0.0, 0.0, 1.0) if abs(direction[1]) > 0.9 else (0.0, 1.0, 0.0))
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, direction), -direction])
    seen = points_mm @ axes.T
    low, high = seen.min(axis=0) - 50.0, seen.max(axis=0) + 50.0
    high[2] += 6000.0  # the ground behind the body, where its shadow falls
    matrix = np.eye(4)
    matrix[:3, :3] = axes * (2 / (high - low))[:, None]
    matrix[:3, 3] = -(high + low) / (high - low)
    return matrix


def _footprint(points_mm: Array) -> Array:
    low, high = points_mm.min(axis=0), points_mm.max(axis=0)
    centre, half = (low + high) / 2, float(max(high[0] - low[0], high[2] - low[2])) / 2 + 300.0
    return np.array([centre[0], centre[2], half, _FOOTPRINT_HEIGHT_MM])


def _footprint_matrix(footprint: Array) -> Array:
    """Seen from below the ground: depth is height over `_FOOTPRINT_HEIGHT_MM`."""
    x, z, half, height = footprint
    return np.array(
        [[1 / half, 0, 0, -x / half], [0, 0, 1 / half, -z / half], [0, 2 / height, 0, -1], [0, 0, 0, 1]], np.float64
    )
