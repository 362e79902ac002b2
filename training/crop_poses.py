"""Poses of motion capture as crops show them: in the axes of the virtual camera of the crop that the line would cut.

The camera looks at a person on the ground from 1 to 10 m and from any height that cameras have; the crop is that of
`training.synthetic.crop_regions`, with its errors, written for many people at once. Trunks are upright in the picture
whatever people do, which is what sets these poses apart from those of `training.pose_stream`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.augment import CAMERA_FROM_PERSON
from training.bodies import draw_offsets_mm, posed_mm
from training.cmu import F32, TEST_SUBJECTS, BoneMotion
from training.data_error import DataError
from training.joint_limits import plausible
from training.kinematics import axis_rotation
from training.pose_stream import Augmentation, TurnSampler
from training.synthetic.crop_regions import RegionRange
from training.synthetic.lenses import FRAME_SIZES_WH
from training.synthetic.low_poses import PICTURED_RARE

Array = NDArray[np.float64]

CROPPED = Augmentation(mix=0.5, mix_part=0.35, rare=0.35, jitter_deg=6.0)
"""Between what the tokenizers see and what is drawn in pictures."""
_REACH, _MARGIN = 1.12, 1.25
"""As in crop_regions and engine.blazepose.regions."""
_STEEPEST = np.sin(np.deg2rad(75.0))
_SOLE_MM = 80.0
"""Height of the ankle over the ground."""
_TRIES = 24
_WITH_FLESH = 1.12
"""Extent of hands, feet and hair over that of the joints."""
_CUT_FILL = (0.8, 2.5)
"""Extent of the body over the picture's, where the picture cuts it; below 1 it stands at the edge."""
_SHOULDERS = H36M17.rows("left_shoulder", "right_shoulder")
_BLOCK_POSES = 2048


@dataclass(frozen=True, slots=True)
class CropViewRange:
    """Where the camera stands and how the crop is cut."""

    distance_mm: tuple[float, float] = (1000.0, 10_000.0)
    fov_deg: tuple[float, float] = (30.0, 100.0)
    """Along the longer side of the picture; who is not to be cut off must stand far enough to fit."""
    cut_off: float = 0.25
    """Share of people whom the picture may cut."""
    usual_height_mm: tuple[float, float] = (900.0, 1800.0)
    height_mm: tuple[float, float] = (100.0, 3000.0)
    held: float = 0.5
    """Share of cameras at a usual height."""
    nearest_mm: float = 400.0
    roll_deg: float = 5.0
    """Spread of the camera's roll; it only shows in crops that were not turned along the trunk."""
    region: RegionRange = field(default_factory=RegionRange)


@dataclass(frozen=True, slots=True, eq=False)
class CropPoses:
    """n people, each in the virtual axes of its crop."""

    joints_mm: F32
    """(n, 17, 3) relative to the pelvis."""
    root_mm: F32
    """(n, 3)"""
    half_tan: F32
    """(n,)"""

    def __len__(self) -> int:
        return len(self.joints_mm)

    @property
    def rays(self) -> F32:
        """(n, 17, 2) where the joints are seen, in shares of the half angle."""
        placed = self.joints_mm + self.root_mm[:, None]
        return (placed[..., :2] / placed[..., 2:] / self.half_tan[:, None, None]).astype(np.float32)

    def rows(self, start: int, stop: int) -> Self:
        return type(self)(*(getattr(self, entry.name)[start:stop] for entry in fields(self)))


class CropPoseSampler:
    """Batches without end; batch i depends on motion, seed, batch size and i alone. Not for several threads at once."""

    def __init__(
        self,
        motion: BoneMotion,
        seed: int,
        *,
        batch_size: int,
        augmentation: Augmentation = CROPPED,
        view: CropViewRange | None = None,
    ) -> None:
        if leaked := motion.subjects & TEST_SUBJECTS:
            who = f"{', '.join(sorted(leaked))} are for testing only"
            raise DataError.of("motion", "subjects", who, cure='give motion.part("train")')
        self.seed, self.batch_size = seed, batch_size
        self.view = view or CropViewRange()
        self._turns = TurnSampler(motion, augmentation, rare_kinds=PICTURED_RARE)
        self._batches_per_block = max(1, _BLOCK_POSES // batch_size)
        self._kept: tuple[int, CropPoses] | None = None

    def crops(self, index: int) -> CropPoses:
        block, row = divmod(index, self._batches_per_block)
        if self._kept is None or self._kept[0] != block:
            self._kept = (block, self._block(block))
        return self._kept[1].rows(row * self.batch_size, (row + 1) * self.batch_size)

    def batch(self, index: int) -> F32:
        """The joints alone, as `PoseSampler.batch` gives them."""
        return self.crops(index).joints_mm.copy()

    def _block(self, block: int) -> CropPoses:
        rng = np.random.default_rng([self.seed, block, 0xC0])
        changed, recorded = self._turns.draw(rng, self._batches_per_block * self.batch_size)
        offsets_mm = draw_offsets_mm(rng, len(recorded), split="train")
        joints_mm = posed_mm(changed, offsets_mm)
        refused = np.flatnonzero(~plausible(joints_mm))
        joints_mm[refused] = posed_mm(recorded[refused], offsets_mm[refused])
        return as_cropped(joints_mm, rng, plan=self.view)


def as_cropped(joints_mm: F32, rng: np.random.Generator, *, plan: CropViewRange) -> CropPoses:
    """(n, 17, 3) joints in person axes, relative to the pelvis -> the same people in crops of drawn cameras."""
    count = len(joints_mm)
    camera_mm = _before_cameras(joints_mm.astype(np.float64), rng, plan=plan)
    flat = camera_mm[..., :2] / camera_mm[..., 2:]
    centre, side, angle = _regions(flat, rng, plan=plan)
    z = np.column_stack([centre, np.ones(count)])
    length = np.linalg.norm(z, axis=1, keepdims=True)
    down = np.column_stack([-np.sin(angle), np.cos(angle), np.zeros(count)])
    rotation = _looking_along(z / length, down)
    virtual_mm = np.einsum("nab,njb->nja", rotation, camera_mm)
    half_tan = side / 2 * length[:, 0] ** -1.5  # an area seen at an angle shrinks by its cosine cubed
    return CropPoses(
        (virtual_mm - virtual_mm[:, :1]).astype(np.float32),
        virtual_mm[:, 0].astype(np.float32),
        half_tan.astype(np.float32),
    )


def _before_cameras(joints_mm: Array, rng: np.random.Generator, *, plan: CropViewRange) -> Array:
    """(n, 17, 3) in axes of cameras that look straight at the pelvis."""
    count = len(joints_mm)
    distance = _distances(joints_mm, rng, plan=plan)
    usual = rng.random(count) < plan.held
    height = np.where(usual, rng.uniform(*plan.usual_height_mm, count), rng.uniform(*plan.height_mm, count))
    pelvis = _SOLE_MM - joints_mm[..., 1].min(axis=1)
    pitch = np.arcsin(np.clip((height - pelvis) / distance, -_STEEPEST, _STEEPEST))
    turn = axis_rotation("X", pitch) @ axis_rotation("Y", rng.uniform(-np.pi, np.pi, count))
    seen: Array = np.einsum("nab,njb->nja", CAMERA_FROM_PERSON @ turn, joints_mm)
    seen[..., 2] += np.maximum(distance, plan.nearest_mm - seen[..., 2].min(axis=1))[:, None]
    return seen


def _distances(joints_mm: Array, rng: np.random.Generator, *, plan: CropViewRange) -> Array:
    """(n,) evenly in the logarithm; of drawn lenses and distances the first that fits: the body in the picture, or for
    some the picture cutting it."""
    count, (low, high) = len(joints_mm), plan.distance_mm
    half_tan = np.tan(np.deg2rad(rng.uniform(*plan.fov_deg, (count, _TRIES))) / 2)
    drawn = np.exp(rng.uniform(np.log(low), np.log(high), (count, _TRIES)))
    sizes = np.array(FRAME_SIZES_WH, float)
    room = (sizes / sizes.max(axis=1, keepdims=True))[rng.integers(len(sizes), size=(count, _TRIES))]
    extent = _WITH_FLESH * np.ptp(joints_mm, axis=1)
    across, along = np.maximum(extent[:, 0], extent[:, 2])[:, None] / room[..., 0], extent[:, 1, None] / room[..., 1]
    fill = np.maximum(across, along) / 2 / drawn / half_tan
    cut = rng.random(count)[:, None] < plan.cut_off
    fits = np.where(cut, (fill > _CUT_FILL[0]) & (fill < _CUT_FILL[1]), fill < 1.0)
    fits &= drawn > plan.nearest_mm + extent.max(axis=1)[:, None] / 2
    fits[:, -1] = True
    distances: Array = drawn[np.arange(count), fits.argmax(axis=1)]
    return distances


def _regions(flat: Array, rng: np.random.Generator, *, plan: CropViewRange) -> tuple[Array, Array, Array]:
    """(n, 2) centres, (n,) sides in the unit of `flat`, (n,) clockwise turns of the crops around (n, 17, 2) joints."""
    count, region = len(flat), plan.region
    away = flat - flat[:, :1]
    radius = _REACH * np.linalg.norm(away, axis=-1).max(axis=1)
    up = away[:, _SHOULDERS].mean(axis=1)
    clear = np.linalg.norm(up, axis=1) > 0.02 * radius
    angle = np.where(clear, np.arctan2(up[:, 0], -up[:, 1]), 0.0)
    centre, side = flat[:, 0], 2 * _MARGIN * radius
    boxed = rng.random(count) < region.upright
    low, high = flat.min(axis=1), flat.max(axis=1)
    centre = np.where(boxed[:, None], (low + high) / 2, centre)
    side = np.where(boxed, _MARGIN * (high - low).max(axis=1), side)
    angle = np.where(boxed, np.deg2rad(plan.roll_deg) * rng.standard_normal(count), angle)
    late = np.where(rng.random(count) < region.fast, 3.0, 1.0)
    off = np.clip(region.centre * late[:, None] * rng.standard_normal((count, 2)), -0.12, 0.12) * side[:, None]
    growth = np.clip(np.exp(region.size * rng.standard_normal(count)), *region.size_limits)
    turn = np.deg2rad(region.angle_deg * late * rng.standard_normal(count)) * ~boxed
    return centre + off, side * growth, angle + turn


def _looking_along(z: Array, down: Array) -> Array:
    """(n, 3, 3) as `engine.body.virtual_camera` has it for one crop."""
    y = down - (down * z).sum(axis=1, keepdims=True) * z
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    return np.stack([np.cross(y, z), y, z], axis=1)
