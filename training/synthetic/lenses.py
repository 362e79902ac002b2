"""Cameras as people own them: frame size, field of view, and a lens that bends a little."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from engine.body.camera import Camera

FRAME_SIZES_WH: tuple[tuple[int, int], ...] = (
    (640, 480), (640, 480), (1280, 720), (1280, 720), (1920, 1080), (1920, 1080), (768, 432), (854, 480), (640, 360),
    (800, 600), (1024, 768), (1280, 960), (720, 1280), (1080, 1920), (480, 640), (540, 960), (1000, 1000),
)  # fmt: skip
"""Webcams, telephones held both ways, and videos as they are shared; the commonest twice."""

_STEADY = 0.55
"""b over a^2, see `_bent`; at least 9 / 20."""


@dataclass(frozen=True, slots=True)
class LensRange:
    """What cameras are drawn from."""

    fov_deg: tuple[float, float] = (30.0, 100.0)
    """Along the longer side, without distortion."""
    sizes_wh: tuple[tuple[int, int], ...] = FRAME_SIZES_WH
    bent: float = 0.2
    """Share of cameras whose lens distorts."""
    at_corner: tuple[float, float] = (-0.2, 0.08)
    """How far a bent lens moves the frame's corner, as a share of its distance from the middle; negative = barrel."""
    tangential: float = 0.002
    """Spread of the tangential terms, counted at the frame's corner."""

    def __post_init__(self) -> None:
        if not 1 <= self.fov_deg[0] <= self.fov_deg[1] <= 150:
            raise ValueError(f"fov_deg is a range within 1..150 degrees, got {self.fov_deg}")
        if not self.sizes_wh or not 0 <= self.bent <= 1:
            raise ValueError(f"sizes_wh must not be empty, bent is a share, got {self.sizes_wh}, {self.bent}")
        if not -0.3 <= self.at_corner[0] <= self.at_corner[1] <= 0.15:
            raise ValueError(f"at_corner is a range within -0.3..0.15, got {self.at_corner}")


def draw_camera(rng: np.random.Generator, *, plan: LensRange) -> Camera:
    """Intrinsics of one camera; the principal point is the frame's middle, as where intrinsics are assumed."""
    width, height = plan.sizes_wh[int(rng.integers(len(plan.sizes_wh)))]
    focal_px = max(width, height) / 2 / math.tan(math.radians(rng.uniform(*plan.fov_deg)) / 2)
    centre_px = (width - 1) / 2, (height - 1) / 2
    straight = Camera((focal_px, focal_px), centre_px, (width, height), "drawn")
    if rng.random() >= plan.bent:
        return straight
    moved = float(rng.uniform(*plan.at_corner))
    limit = 3 * plan.tangential
    p1, p2 = (min(max(shear, -limit), limit) for shear in rng.normal(0.0, plan.tangential, 2).tolist())
    return _bent(straight, moved, p1=p1, p2=p2)


def ray_through(camera: Camera, x_px: float, y_px: float) -> tuple[float, float, float]:
    """`Camera.back_project` of one pixel; most lenses are straight, and plain numbers cost a tenth of small arrays."""
    if any(camera.distortion):
        x, y, _ = camera.back_project((x_px, y_px)).tolist()
        return x, y, 1.0
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    return (x_px - cx) / fx, (y_px - cy) / fy, 1.0


def _bent(camera: Camera, moved: float, *, p1: float, p2: float) -> Camera:
    """A lens that moves the corner by the share `moved` and stays monotonic at every distance from the middle.

    With s = (r / corner)^2 the radius becomes r (1 + a s + b s^2), whose slope 1 + 3 a s + 5 b s^2 has no root where
    b > 9 a^2 / 20. So what lies outside the frame never folds back into it. Here b = 0.55 a^2 for barrels, and
    a + b = moved.
    """
    corner = math.hypot(*camera.size_wh) / 2 / camera.focal_px[0] / (1 + moved)
    a = moved if moved > 0 else (math.sqrt(1 + 4 * _STEADY * moved) - 1) / (2 * _STEADY)
    b = moved - a
    return replace(camera, distortion=(a / corner**2, b / corner**4, p1 / corner, p2 / corner, 0.0))
