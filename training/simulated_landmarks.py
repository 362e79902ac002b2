"""Rows of the live model from motion capture alone: twelve landmarks with BlazePose's own errors, no image features.

The errors and the stated visibility of a simulated crop are those of a real answer of the network: a crop of the
encoded training set is drawn, and the distances of its twelve landmarks, and of the peaks of their heatmaps, from the
truth are laid on the simulated person. Half of the people get a part of the errors only: real pictures are read better
than rendered ones, and who is well seen should be lifted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.landmarks import PEAKS
from engine.body.skeleton import BLAZEPOSE33_NAMES, H36M17
from engine.body.skeleton_map import HIP_WIDENING
from engine.runtime.live_numbers import PEAK, POINT_NUMBERS, RAY, SEEN
from training.crop_poses import CropPoses
from training.live_data import LiveBatch
from training.live_rows import LiveRows

F32 = NDArray[np.float32]

LIMB_NAMES = tuple(
    f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)
LIMB_JOINTS = H36M17.rows(*LIMB_NAMES)
LIMB_POINTS = [BLAZEPOSE33_NAMES.index(name) for name in LIMB_NAMES]
LIMB_KNOWN = np.isin(np.arange(len(BLAZEPOSE33_NAMES)), LIMB_POINTS)
"""(33,) which landmarks a simulated row knows."""
_PART_OF_ERRORS = 0.5
"""Share of the simulated people whose errors are made smaller, by a factor drawn evenly."""
_HIPS = [LIMB_NAMES.index("left_hip"), LIMB_NAMES.index("right_hip")]


def limb_rays(joint_rays: F32) -> F32:
    """(n, 17, 2) where Human3.6M's joints are seen -> (n, 12, 2) where BlazePose's limb landmarks would be."""
    rays: F32 = joint_rays[:, LIMB_JOINTS].copy()
    hips = rays[:, _HIPS]
    middle = hips.mean(axis=1, keepdims=True)
    rays[:, _HIPS] = middle + (hips - middle) / np.float32(HIP_WIDENING)
    return rays


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkErrors:
    """What the network got wrong and how sure it was, crop by crop."""

    rays: F32
    """(n, 12, 2)"""
    seen: F32
    """(n, 12, 2) visibility and in_picture."""
    peaks: F32
    """(n, 12, PEAKS, 2)"""
    heats: F32
    """(n, 12, PEAKS)"""
    view: F32
    """(n, 3) as in `LiveNumbers`; the first number belongs to the crop and is not used."""

    @classmethod
    def of(cls, rows: LiveRows) -> LandmarkErrors:
        points, truth = rows.points[:, LIMB_POINTS], limb_rays(rows.true_rays)
        peaks = points[..., PEAK].reshape(len(rows), len(LIMB_POINTS), PEAKS, 3)
        return cls(
            points[..., RAY] - truth, points[..., SEEN], peaks[..., :2] - truth[:, :, None], peaks[..., 2], rows.view
        )

    def batch(self, people: CropPoses, rng: np.random.Generator) -> LiveBatch:
        """The people with errors drawn for each."""
        count = len(people)
        drawn = rng.integers(len(self.rays), size=count)
        share = np.where(rng.random(count) < _PART_OF_ERRORS, rng.random(count), 1.0).astype(np.float32)
        truth = limb_rays(people.rays)
        points = np.zeros((count, len(BLAZEPOSE33_NAMES), POINT_NUMBERS), np.float32)
        points[:, LIMB_POINTS, RAY] = truth + share[:, None, None] * self.rays[drawn]
        points[:, LIMB_POINTS, SEEN] = self.seen[drawn]
        peaks = truth[:, :, None] + share[:, None, None, None] * self.peaks[drawn]
        found = np.concatenate([peaks, self.heats[drawn][..., None]], axis=-1)
        points[:, LIMB_POINTS, PEAK] = found.reshape(count, len(LIMB_POINTS), -1)
        view = self.view[drawn].copy()
        view[:, 0] = np.log(people.half_tan)
        return limb_batch(points, view, people.joints_mm)


def limb_batch(points: F32, view: F32, joints_mm: F32) -> LiveBatch:
    """Rows that know the twelve landmarks' rays, visibility and peaks, and nothing else."""
    count = len(points)
    empty = {"at_points": (33, 48), "trunk_2": (4, 288), "trunk_4": (16, 288)}
    rows = LiveRows(
        points=points,
        **{name: np.zeros((count, *shape), np.float16) for name, shape in empty.items()},
        view=view,
        joints_mm=joints_mm,
        root_mm=np.zeros((count, 3), np.float32),
        visible=np.ones((count, len(H36M17.names)), np.uint8),
    )
    known = np.repeat(LIMB_KNOWN[None], count, axis=0)
    return LiveBatch.of(rows, points_known=known, features_known=np.zeros(count, bool))


def true_2d(rows: LiveRows) -> LiveBatch:
    """The crops as someone sees them who knows where the twelve landmarks truly are, all seen: the ladder's first
    rung."""
    points = np.zeros((len(rows), len(BLAZEPOSE33_NAMES), POINT_NUMBERS), np.float32)
    truth = limb_rays(rows.true_rays)
    points[:, LIMB_POINTS, RAY] = truth
    points[:, LIMB_POINTS, SEEN] = 1.0
    points[:, LIMB_POINTS, PEAK] = np.tile(np.concatenate([truth, np.ones_like(truth[..., :1])], axis=-1), PEAKS)
    return limb_batch(points, rows.view, rows.joints_mm)
