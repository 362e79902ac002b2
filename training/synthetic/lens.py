"""From camera axes to the raster through the lens and the crop, as OpenGL's programs want it.

The same equations as engine.body.camera; beyond the radius where the radial polynomial would fold the picture back, a
vertex continues straight outwards instead (no valid camera shows that region).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from engine.body.crop import inverted
from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.scene import Viewpoint

NEAR_MM, FAR_MM = 50.0, 200_000.0
_WIDEST_RADIUS2 = 16.0
"""Square of the tangent of 76 degrees off the axis: no lens of this model is used beyond it."""

GLSL = """
uniform mat3 camera_from_world;
uniform vec3 eye;
uniform vec3 radial;             // k1, k2, k3
uniform vec2 tangential;         // p1, p2
uniform float fold;              // largest r^2 to which the polynomial holds
uniform mat3 raster_from_lens;   // distorted points at z = 1 -> normalised device coordinates

vec2 bent(vec2 flat_point) {
    float r2 = dot(flat_point, flat_point);
    float held = min(r2, fold);
    vec2 p = flat_point * sqrt(held / max(r2, 1e-12));
    vec2 side = vec2(2.0 * tangential.x * p.x * p.y + tangential.y * (held + 2.0 * p.x * p.x),
                     tangential.x * (held + 2.0 * p.y * p.y) + 2.0 * tangential.y * p.x * p.y);
    return flat_point * (1.0 + held * (radial.x + held * (radial.y + held * radial.z))) + side;
}
"""


@lru_cache(maxsize=2)  # one view is asked for by several programs
def uniforms(viewpoint: Viewpoint) -> Mapping[str, Array | float]:
    """Values of the programs' lens, except `raster_from_lens`, which depends on the raster."""
    k1, k2, p1, p2, k3 = viewpoint.camera.distortion
    return {
        "camera_from_world": viewpoint.rotation,
        "eye": viewpoint.eye_mm,
        "radial": np.array([k1, k2, k3]),
        "tangential": np.array([p1, p2]),
        "fold": fold_radius2((k1, k2, k3)),
    }


def fold_radius2(radial: Sequence[float]) -> float:
    """The r^2 up to which r (1 + k1 r^2 + k2 r^4 + k3 r^6) rises (its derivative has a root there), at most 16."""
    k1, k2, k3 = radial
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0]) if any(radial) else np.empty(0)
    real = roots[np.abs(roots.imag) < 1e-9].real
    rising = real[real > 0]
    return float(min(_WIDEST_RADIUS2, rising.min(initial=np.inf)))


def bent(viewpoint: Viewpoint, flat: Floats) -> Floats:
    """(2, point) points at z = 1 -> where the lens moves them: what `GLSL` does, within float32."""
    k1, k2, p1, p2, k3 = (np.float32(value) for value in viewpoint.camera.distortion)
    r2 = np.einsum("cp,cp->p", flat, flat)
    held = np.minimum(r2, np.float32(uniforms(viewpoint)["fold"]))
    x, y = flat * np.sqrt(held / np.maximum(r2, np.float32(1e-12)))
    side = np.stack([2 * p1 * x * y + p2 * (held + 2 * x * x), p1 * (held + 2 * y * y) + 2 * p2 * x * y])
    moved: Floats = flat * (1 + held * (k1 + held * (k2 + held * k3))) + side
    return moved


def raster_from_lens(
    viewpoint: Viewpoint, *, samples_per_px: float, first_px: tuple[int, int], size_wh: tuple[int, int]
) -> Array:
    """(3, 3): distorted points at z = 1 -> device coordinates of a raster of so many samples across and down.

    Sample i lies `i / samples_per_px` crop pixels after the first: pixel centres are samples where that is whole.
    """
    (left, top), (width, height), share = first_px, size_wh, samples_per_px
    raster_from_crop = np.array([[share, 0, -share * left], [0, share, -share * top], [0, 0, 1.0]])
    ndc_from_raster = np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1.0]])
    result: Array = ndc_from_raster @ raster_from_crop @ crop_from_lens(viewpoint)
    return result


def lens_from_ndc(viewpoint: Viewpoint) -> Array:
    """(3, 3): device coordinates of a raster over the whole crop -> distorted points at z = 1."""
    half = viewpoint.crop_size_px / 2
    crop_from_ndc = np.array([[half, 0, half - 0.5], [0, half, half - 0.5], [0, 0, 1.0]])
    result: Array = np.linalg.inv(crop_from_lens(viewpoint)) @ crop_from_ndc
    return result


@lru_cache(maxsize=2)
def crop_from_lens(viewpoint: Viewpoint) -> Array:
    """(3, 3): distorted points at z = 1 -> crop pixels."""
    camera = viewpoint.camera
    crop_from_frame = np.eye(3)
    crop_from_frame[:2] = inverted(viewpoint.frame_from_crop)
    result: Array = crop_from_frame @ camera.K
    return result
