"""What stands in for an image until images come: 2D joints as a camera would see them, some hidden, with noise.

The pinhole is that of `engine.body.camera` with the principal point in the middle, written for many cameras at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.cmu import F32

JOINTS = len(H36M17.names)
CROP_MARGIN = 1.25
"""Side of the square crop over the larger side of the joints' box."""


@dataclass(frozen=True, slots=True)
class ProjectionRange:
    """What cameras and flaws are drawn from."""

    fov_deg: tuple[float, float] = (30.0, 100.0)
    """Along the longer side of the picture."""
    fill: tuple[float, float] = (0.25, 0.9)
    """Share of the picture's longer side that the person spans; sets the distance."""
    noise: float = 0.01
    """Spread of the joints' error, in halves of the crop's side."""
    hidden: tuple[int, int] = (0, 8)
    """Least and greatest number of joints that are dropped; (4, 4) drops exactly four."""
    nearest_mm: float = 700.0
    """No joint is nearer to the camera."""

    def __post_init__(self) -> None:
        if not 1 <= self.fov_deg[0] <= self.fov_deg[1] <= 150:
            raise ValueError(f"fov_deg is a range within 1..150 degrees, got {self.fov_deg}")
        if not 0 < self.fill[0] <= self.fill[1] <= 1:
            raise ValueError(f"fill is a range within 0..1, got {self.fill}")
        if not 0 <= self.hidden[0] <= self.hidden[1] <= JOINTS:
            raise ValueError(f"hidden is a range within 0..{JOINTS}, got {self.hidden}")
        if self.noise < 0 or self.nearest_mm <= 0:
            raise ValueError(f"noise must not be negative, nearest_mm positive, got {self.noise}, {self.nearest_mm}")


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The condition y of n poses, and the camera that made it."""

    joints_2d: F32
    """(n, 17, 2) in the crop: -1..1 from edge to edge, x right, y down; 0 where hidden."""
    visible: NDArray[np.bool_]
    """(n, 17)"""
    root_mm: NDArray[np.float64]
    """(n, 3) where the pelvis stands in the camera."""
    focal: NDArray[np.float64]
    """(n,) focal length in halves of the picture's longer side: 1 / tan(fov / 2)."""

    @property
    def features(self) -> F32:
        """(n, 17, 3): x, y, and 1 where visible, else three zeros."""
        return np.concatenate([self.joints_2d, self.visible[..., None].astype(np.float32)], axis=-1)


def project_poses(joints_mm: F32, rng: np.random.Generator, *, plan: ProjectionRange | None = None) -> Projection:
    """Draw a camera, noise and hidden joints for each of (n, 17, 3) poses in mm, camera axes."""
    plan = plan or ProjectionRange()
    focal = 1 / np.tan(np.deg2rad(rng.uniform(*plan.fov_deg, len(joints_mm))) / 2)
    root_mm = _roots_mm(joints_mm, focal, rng, plan=plan)
    picture = pinhole(joints_mm + root_mm[:, None], focal)
    joints_2d = in_crop(picture) + plan.noise * rng.standard_normal(picture.shape)
    visible = ~_hidden(rng, len(joints_mm), span=plan.hidden)
    joints_2d = np.where(visible[..., None], joints_2d, 0.0)
    return Projection(joints_2d.astype(np.float32), visible, root_mm, focal)


def pinhole(points_mm: NDArray[np.floating], focal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, joint, 3) points with z > 0, (n,) focal lengths -> (n, joint, 2) in halves of the picture's longer side."""
    flat: NDArray[np.float64] = points_mm[..., :2] / points_mm[..., 2:] * focal[:, None, None]
    return flat


def in_crop(picture: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, joint, 2) in any picture units -> the same in the square crop around them, -1..1."""
    low, high = picture.min(axis=1, keepdims=True), picture.max(axis=1, keepdims=True)
    half = CROP_MARGIN * np.maximum((high - low).max(axis=-1, keepdims=True), 1e-9) / 2
    cropped: NDArray[np.float64] = (picture - (low + high) / 2) / half
    return cropped


def _roots_mm(
    joints_mm: F32, focal: NDArray[np.float64], rng: np.random.Generator, *, plan: ProjectionRange
) -> NDArray[np.float64]:
    """Far enough to span the drawn share of the picture, and anywhere in it that keeps the person inside."""
    count = len(joints_mm)
    extent_mm = np.ptp(joints_mm[..., :2], axis=1).max(axis=1)
    fill = rng.uniform(*plan.fill, count)
    depth_mm = np.maximum(focal * extent_mm / (2 * fill), plan.nearest_mm - joints_mm[..., 2].min(axis=1))
    free = np.maximum(1 - focal * extent_mm / (2 * depth_mm), 0.0)  # halves of the picture left beside the person
    place = rng.uniform(-1, 1, (count, 2)) * free[:, None]
    middle_mm = (joints_mm[..., :2].min(axis=1) + joints_mm[..., :2].max(axis=1)) / 2
    return np.column_stack([place / focal[:, None] * depth_mm[:, None] - middle_mm, depth_mm])


def _hidden(rng: np.random.Generator, count: int, *, span: tuple[int, int]) -> NDArray[np.bool_]:
    """(count, 17) with as many True per row as drawn, at random places."""
    wanted = rng.integers(span[0], span[1] + 1, count)
    rank = rng.random((count, JOINTS)).argsort(axis=1).argsort(axis=1)
    hidden: NDArray[np.bool_] = rank < wanted[:, None]
    return hidden
