"""Looks and panoramas on the OpenGL device, and the few calls that the renderer makes of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from training.panorama import Panorama
from training.synthetic.light import ROOT_OF_SRGB
from training.synthetic.scene import Look, Placed

_MIPMAPS = 4 / 3
"""A texture with all its smaller copies takes a third more."""


class KeptPanorama:
    """A panorama's picture as a texture."""

    def __init__(self, gl: moderngl.Context, panorama: Panorama) -> None:
        self._image = panorama.image_rgb  # held, so that its identity is not given to another picture
        rgba = cv2.cvtColor(ROOT_OF_SRGB[panorama.image_rgb], cv2.COLOR_RGB2RGBA)
        self.texture = gl.texture(rgba.shape[1::-1], 4, rgba.tobytes())
        self.texture.repeat_y = False
        self.held_bytes = rgba.nbytes

    def shows(self, panorama: Panorama) -> bool:
        return self._image is panorama.image_rgb

    def release(self) -> None:
        self.texture.release()


class KeptLook:
    """What is drawn of a look: textures, texture places and faces, and one body per time it stands in a scene."""

    def __init__(self, gl: moderngl.Context, look: Look, *, depth: moderngl.Program, body: moderngl.Program) -> None:
        self._gl, self._look, self._depth, self._body = gl, look, depth, body
        self.uv = gl.buffer(np.ascontiguousarray(look.uv, np.float32))
        self.faces = gl.buffer(np.ascontiguousarray(look.faces, np.int32))
        self.outline = self.faces if look.outline is None else gl.buffer(np.ascontiguousarray(look.outline, np.int32))
        self.textures = [_texture(gl, image) for image in look.textures_rgba]
        self.runs = _runs(look)
        self._bodies: list[KeptBody] = []
        pixels = sum(image.nbytes for image in look.textures_rgba)
        self.held_bytes = int(pixels * _MIPMAPS) + look.uv.nbytes + look.faces.nbytes + 24 * len(look.uv)

    def shows(self, look: Look) -> bool:
        """Whether this is that look, not another one of its name."""
        return same_look(look, self._look)

    def body(self, number: int) -> KeptBody:
        """The `number`-th body of this look in a scene."""
        while len(self._bodies) <= number:
            self._bodies.append(KeptBody(self._gl, self, depth=self._depth, body=self._body))
        return self._bodies[number]

    def release(self) -> None:
        for body in self._bodies:
            body.release()
        for texture in self.textures:
            texture.release()
        for buffer in {self.uv, self.faces, self.outline}:
            buffer.release()


class KeptBody:
    """Positions and normals of one body, rewritten for every picture."""

    def __init__(
        self, gl: moderngl.Context, look: KeptLook, *, depth: moderngl.Program, body: moderngl.Program
    ) -> None:
        size = look.uv.size // 8 * 12
        self._positions, self._normals = gl.buffer(reserve=size, dynamic=True), gl.buffer(reserve=size, dynamic=True)
        positions = (self._positions, "3f", "position")
        self.depth = gl.vertex_array(depth, [positions], index_buffer=look.outline)
        self.drawn = gl.vertex_array(
            body, [positions, (self._normals, "3f", "normal"), (look.uv, "2f", "uv")], index_buffer=look.faces
        )

    def write(self, placed: Placed) -> None:
        self._positions.write(np.ascontiguousarray(placed.vertices_mm, np.float32))
        self._normals.write(np.ascontiguousarray(placed.normals, np.float32))

    def release(self) -> None:
        for array in (self.depth, self.drawn):
            array.release()
        for buffer in (self._positions, self._normals):
            buffer.release()


def same_look(one: Look, other: Look) -> bool:
    """Whether two looks share what is kept of them."""
    return one is other or (
        one.uv is other.uv
        and one.faces is other.faces
        and one.outline is other.outline
        and one.parts == other.parts
        and all(mine is its for mine, its in zip(one.textures_rgba, other.textures_rgba, strict=False))
        and len(one.textures_rgba) == len(other.textures_rgba)
    )


def set_uniforms(program: moderngl.Program, **values: Any) -> None:
    """Write uniforms; the compiler drops those that a program does not use. Matrices are given by rows."""
    for name, value in values.items():
        member = program.get(name, None)
        if member is None:
            continue
        if isinstance(value, int | float):
            member.value = value  # type: ignore[union-attr]
        else:  # column-major, as OpenGL stores matrices
            member.write(np.ascontiguousarray(np.asarray(value).T, np.float32).tobytes())  # type: ignore[union-attr]


def _texture(gl: moderngl.Context, image_rgba: NDArray[np.uint8]) -> moderngl.Texture:
    roots = np.dstack([ROOT_OF_SRGB[image_rgba[..., :3]], image_rgba[..., 3]])
    texture = gl.texture(roots.shape[1::-1], 4, roots.tobytes())
    texture.build_mipmaps()
    texture.filter = (moderngl.NEAREST_MIPMAP_NEAREST, moderngl.LINEAR)
    return texture


def _runs(look: Look) -> list[tuple[int, int, int]]:
    """(texture, first index, index count) of neighbouring parts with one texture."""
    runs = []
    for texture, group in groupby(look.parts, key=lambda part: part.texture):
        parts = list(group)
        runs.append((texture, parts[0].first_face * 3, sum(part.face_count for part in parts) * 3))
    return runs
