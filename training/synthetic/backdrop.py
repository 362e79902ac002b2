"""The background of a crop: a panorama seen through the same lens, lying on the ground near the person."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from training.kinematics import Array
from training.panorama import Panorama
from training.synthetic import lens, shading
from training.synthetic.device import KeptPanorama, set_uniforms
from training.synthetic.ground_light import GroundSpan
from training.synthetic.kept import Kept
from training.synthetic.light import ground_shares
from training.synthetic.scene import Viewpoint
from training.synthetic.sun import Sun

_CELLS = 16
_SHARES = ((0.5, 2), (0.75, 3))
"""(panorama pixels per crop pixel, quarters of the crop's resolution that show all that the panorama has)."""
_PANORAMA_HEIGHT_MM = 1500.0
"""Height at which panoramas are usually taken; it sets how large the ground's texture looks."""
_TOWARDS_EYE, _TOWARDS_EYE_MM = 0.4, 2500.0
"""The panorama's place lies so far from the person on the way to the camera, and at most so many millimetres."""
_SURROUND_RADIUS_MM = 9000.0
"""Beyond this distance the panorama stands upright instead of lying on the ground."""


class Backdrop:
    """Draws backgrounds in the current OpenGL context; keeps panoramas there."""

    def __init__(self, gl: moderngl.Context, size_px: int, *, kept_bytes: int) -> None:
        self._gl, self.size_px = gl, size_px
        self._program = gl.program(shading.BACKDROP_VERTEX, shading.BACKDROP_FRAGMENT)
        corners, faces = _grid(_CELLS)
        self._screen = gl.vertex_array(self._program, [(gl.buffer(corners), "2f", "corner")], gl.buffer(faces))
        sides = (size_px * quarters // 4 for quarters in (2, 3, 4))
        self._targets = {side: gl.framebuffer([gl.renderbuffer((side, side), 4)]) for side in sides}
        self._panoramas = Kept[int, KeptPanorama](kept_bytes)
        set_uniforms(self._program, panorama=0, ground_light=2, radius=_SURROUND_RADIUS_MM)

    def trim(self) -> None:
        """Free panoramas beyond the limit."""
        self._panoramas.trim()

    def clear(self) -> None:
        self._panoramas.clear()

    def roots(
        self, viewpoint: Viewpoint, surroundings: Panorama, *, sun: Sun, span: GroundSpan, ground: moderngl.Texture
    ) -> NDArray[np.uint8]:
        """(side, side, 4) roots of light: the whole crop, at a lower resolution where the panorama has no more."""
        kept = self._panoramas.get(
            id(surroundings.image_rgb),
            lambda: KeptPanorama(self._gl, surroundings),
            fits=lambda kept: kept.shows(surroundings),
        )
        centre = _panorama_place(viewpoint.eye_mm, span)
        steps = _panorama_px_per_px(viewpoint, surroundings, float(np.linalg.norm(viewpoint.eye_mm - centre)))
        side = self.size_px * next((quarters for most, quarters in _SHARES if steps < most), 4) // 4
        ground_sun, ground_sky = ground_shares(surroundings.ambient_rgb, sun.direction, sun.rgb)
        set_uniforms(
            self._program,
            **lens.uniforms(viewpoint),
            ground_sun_rgb=ground_sun,
            ground_sky_rgb=ground_sky,
            lens_from_ndc=lens.lens_from_ndc(viewpoint),
            ground_span=np.concatenate([span.low_xz, 1 / span.width_xz]),
            centre=centre,
            turn=surroundings.turn_rad,
        )
        kept.texture.use(0)
        ground.use(2)
        target = self._targets[side]
        target.use()
        self._gl.enable_only(moderngl.NOTHING)
        self._screen.render()
        return np.frombuffer(target.read(components=4, alignment=1), np.uint8).reshape(side, side, 4)


def _panorama_place(eye_mm: Array, span: GroundSpan) -> Array:
    """Where the panorama was taken: between person and camera, so that the ground at the feet is seen well."""
    towards = eye_mm[[0, 2]] - span.middle_xz
    reach = min(_TOWARDS_EYE, _TOWARDS_EYE_MM / max(float(np.linalg.norm(towards)), 1.0))
    x, z = span.middle_xz + reach * towards
    return np.array([x, _PANORAMA_HEIGHT_MM, z])


def _panorama_px_per_px(viewpoint: Viewpoint, surroundings: Panorama, behind_mm: float) -> float:
    """How many panorama pixels a step of one crop pixel crosses, about the middle of the picture.

    The eye stands `behind_mm` behind the panorama's place and so sees more of its sphere at once.
    """
    frame_px = float(np.sqrt(abs(np.linalg.det(viewpoint.frame_from_crop[:, :2]))))
    angle_rad = frame_px / viewpoint.camera.focal_px[0] * (1 + behind_mm / _SURROUND_RADIUS_MM)
    return float(angle_rad * surroundings.image_rgb.shape[1] / (2 * np.pi))


def _grid(cells: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Corners (vertex, 2) in -1..1 and triangles of a square net."""
    across = np.linspace(-1, 1, cells + 1, dtype=np.float32)
    corners = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    first = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).reshape(-1, 1)
    return corners, (first + np.array([0, 1, cells + 1, 1, cells + 2, cells + 1])).astype(np.int32)
