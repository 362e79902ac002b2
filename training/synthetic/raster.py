"""Crops of synthetic scenes, drawn with OpenGL off screen (EGL); made for Mesa's software rasteriser.

Bodies are drawn with two samples per crop pixel and direction, one of them in the pixel's centre, from where depth and
owner are taken; the picture is shrunk with a binomial filter. Only faces seen from outside are drawn: who makes an open
surface (a sheet, hair) gives its faces both ways round. The lens bends vertices: who makes a thing with large faces
splits them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import moderngl
import numpy as np

from training import shaders
from training.avatar import Floats
from training.kinematics import Array
from training.panorama import Panorama
from training.render import RenderError
from training.synthetic import ground_light, lens, shading
from training.synthetic.backdrop import Backdrop
from training.synthetic.device import KeptBody, KeptLook, same_look, set_uniforms
from training.synthetic.extent import Piece, nearest_first
from training.synthetic.finish import finished
from training.synthetic.kept import Kept
from training.synthetic.scene import CROP_SIZE_PX, NOBODY, THE_PERSON, Drawn, Look, Placed, Viewpoint
from training.synthetic.sun import Sun, bounds

KEPT_BYTES = 384 << 20
"""Room for looks, and half as much for panoramas: 84 avatars of 512x512 take 140 MB, 46 backgrounds of 1024x512
100 MB. What exceeds it goes, the least recently used first."""

_SUN_SIZE_PX = 128

_OnDevice = tuple[KeptLook, KeptBody]


class Raster:
    """Draws crops of one size. A context manager that belongs to the thread that made it.

    Pictures depend on the arguments of `draw` alone, never on what was drawn before. RenderError where the machine
    has no off-screen OpenGL.
    """

    def __init__(self, *, size_px: int = CROP_SIZE_PX, kept_bytes: int = KEPT_BYTES) -> None:
        try:
            self._gl = moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # the stub forgets str
        except Exception as error:  # moderngl raises bare Exception where no driver answers
            raise RenderError(f"no off-screen OpenGL ({error}); apt install libegl1 libgl1-mesa-dri") from error
        self.size_px = size_px
        self._looks = Kept[str, KeptLook](kept_bytes)
        self._backdrop = Backdrop(self._gl, size_px, kept_bytes=max(kept_bytes // 2, 1))
        self._make_programs()
        self._make_targets()

    @property
    def renderer(self) -> str:
        """The graphics driver's name and version."""
        return f"{self._gl.info['GL_RENDERER']} {self._gl.info['GL_VERSION']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._gl:
            self._looks.clear()
            self._backdrop.clear()
        self._gl.release()

    def draw(
        self,
        viewpoint: Viewpoint,
        placed: Sequence[Placed],
        surroundings: Panorama,
        *,
        exposure: float = 1.0,
        sun_strength: float = 1.0,
    ) -> Drawn:
        """One crop; the caller owns its arrays.

        `exposure` multiplies the light on bodies relative to the background, `sun_strength` the panorama's sun.
        ValueError where the viewpoint's size is not the raster's or a body does not fit its look.
        """
        self._check(viewpoint, placed)
        with self._gl:  # another renderer of this thread may be current
            return self._drawn(viewpoint, placed, surroundings, exposure=exposure, sun_strength=sun_strength)

    def _drawn(
        self,
        viewpoint: Viewpoint,
        placed: Sequence[Placed],
        surroundings: Panorama,
        *,
        exposure: float,
        sun_strength: float,
    ) -> Drawn:
        bodies = self._bodies(placed)
        sun = Sun.over(placed, surroundings, sun_strength)
        span = self._draw_depths(sun, placed, bodies)
        seen = {**lens.uniforms(viewpoint), "sun_direction": sun.direction, "sun_rgb": sun.rgb}
        seen["ambient_rgb"] = surroundings.ambient_rgb.T
        set_uniforms(self._body, **seen, exposure=exposure)
        behind = self._backdrop.roots(viewpoint, surroundings, sun=sun, span=span, ground=self._ground)
        rows, piece = nearest_first(viewpoint, placed)
        fine = None
        if piece is not None:
            fine = self._light_bodies(viewpoint, piece, sun, shine_rgb=exposure * _shine(surroundings, sun))
            self._draw_bodies([(placed[row], *bodies[row]) for row in rows])
        drawn = finished(behind, self.size_px, fine, piece)
        self._looks.trim()
        self._backdrop.trim()
        return drawn

    def _make_programs(self) -> None:
        gl = self._gl
        self._depth = gl.program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT)
        self._body = gl.program(shading.BODY_VERTEX, shading.BODY_FRAGMENT)
        set_uniforms(self._body, albedo=0, sun_depth=1, near_far=np.array([lens.NEAR_MM, lens.FAR_MM]))

    def _make_targets(self) -> None:
        gl = self._gl
        self._pieces: dict[tuple[int, int], moderngl.Framebuffer] = {}
        self._sun_depth = gl.depth_texture((_SUN_SIZE_PX,) * 2)
        self._below_depth = gl.depth_texture((ground_light.MAP_SIZE_PX,) * 2)
        self._sun_depth.compare_func = ""  # read as numbers
        self._from_sun = gl.framebuffer(depth_attachment=self._sun_depth)
        self._from_below = gl.framebuffer(depth_attachment=self._below_depth)
        self._ground = gl.texture((ground_light.MAP_SIZE_PX,) * 2, 2)
        self._ground.repeat_x = self._ground.repeat_y = False

    def _check(self, viewpoint: Viewpoint, placed: Sequence[Placed]) -> None:
        if viewpoint.crop_size_px != self.size_px:
            raise ValueError(f"this raster draws crops of {self.size_px} px, not {viewpoint.crop_size_px}")
        looks = {one.look.name: one.look for one in placed}
        for one in placed:
            if not same_look(one.look, looks[one.look.name]):
                raise ValueError(f"two different looks of one scene are called {one.look.name}; give each its own name")
            expected = (len(one.look.uv), 3)
            if one.vertices_mm.shape != expected or one.normals.shape != expected:
                raise ValueError(f"{one.look.name} needs {expected} vertices and normals, got {one.vertices_mm.shape}")
            if not THE_PERSON <= one.owner < NOBODY:
                raise ValueError(f"an owner lies in {THE_PERSON}..{NOBODY - 1}, got {one.owner} for {one.look.name}")

    def _bodies(self, placed: Sequence[Placed]) -> list[_OnDevice]:
        """Everything on the device; two bodies of one look get buffers of their own."""
        times, bodies = dict[str, int](), list[_OnDevice]()
        for one in placed:
            look = self._look(one.look)
            number = times.get(one.look.name, 0)
            times[one.look.name] = number + 1
            body = look.body(number)
            body.write(one)
            bodies.append((look, body))
        return bodies

    def _look(self, look: Look) -> KeptLook:
        return self._looks.get(
            look.name,
            lambda: KeptLook(self._gl, look, depth=self._depth, body=self._body),
            fits=lambda kept: kept.shows(look),
        )

    def _draw_depths(self, sun: Sun, placed: Sequence[Placed], bodies: Sequence[_OnDevice]) -> ground_light.GroundSpan:
        """Views from the sun and from below the ground, and of them the light on the ground."""
        span = ground_light.GroundSpan.under(*bounds(placed), sun.direction)
        self._gl.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        for target, matrix, outside in (
            (self._from_sun, sun.clip_from_world, "cw"),
            (self._from_below, span.clip_from_world, "ccw"),
        ):
            target.use()
            target.clear(depth=1.0)
            if target is self._from_sun and not sun.rgb.any():
                continue  # no sun, no shadow
            self._gl.front_face = outside
            set_uniforms(self._depth, clip_from_world=matrix)
            for _, body in bodies:
                body.depth.render()
        sky = ground_light.sky_share(_read_depth(self._below_depth), span)
        shade = ground_light.sun_share(_read_depth(self._sun_depth), sun.clip_from_world, span)
        self._ground.write(ground_light.as_bytes(shade, sky))
        return span

    def _light_bodies(self, viewpoint: Viewpoint, piece: Piece, sun: Sun, *, shine_rgb: Array) -> moderngl.Framebuffer:
        """An empty target for a piece of the crop, two samples a pixel, in use; the sun is where it belongs."""
        size_wh = 2 * piece.size_wh[0], 2 * piece.size_wh[1]
        set_uniforms(
            self._body,
            raster_from_lens=lens.raster_from_lens(
                viewpoint, samples_per_px=2.0, first_px=(piece.left, piece.top), size_wh=size_wh
            ),
            sun_from_world=sun.clip_from_world,
            sun_bias=sun.bias,
            shine_rgb=shine_rgb,
        )
        self._sun_depth.use(1)
        target = self._piece(size_wh)
        target.use()
        target.clear()
        return target

    def _piece(self, size_wh: tuple[int, int]) -> moderngl.Framebuffer:
        """Colour and packed surfaces of so many samples; clearing a part of a large target would cost more."""
        if size_wh not in self._pieces:
            gl = self._gl
            self._pieces[size_wh] = gl.framebuffer(
                [gl.renderbuffer(size_wh, 4), gl.renderbuffer(size_wh, 1, dtype="u4")], gl.depth_renderbuffer(size_wh)
            )
        return self._pieces[size_wh]

    def _draw_bodies(self, bodies: Sequence[tuple[Placed, KeptLook, KeptBody]]) -> None:
        self._gl.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._gl.front_face = "cw"  # rows run downwards
        for one, look, body in bodies:
            set_uniforms(self._body, skin_rgb=one.skin_rgb, cloth_rgb=one.cloth_rgb, owner=one.owner)
            for texture, first, count in look.runs:
                look.textures[texture].use(0)
                body.drawn.render(vertices=count, first=first)


def _shine(surroundings: Panorama, sun: Sun) -> Array:
    """Colour of highlights: the sun's, and that of the mean sky (the first harmonic is 1 / sqrt(4 pi))."""
    shine: Array = sun.rgb + 0.282095 * surroundings.ambient_rgb[0]
    return shine


def _read_depth(texture: moderngl.Texture) -> Floats:
    return np.frombuffer(texture.read(alignment=1), np.float32).reshape(texture.height, texture.width)
