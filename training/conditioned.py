"""Poses with their 2D condition: what stage 2 and every method it is compared with learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.cmu import F32, BoneMotion
from training.pose_stream import PoseSampler, held_out_poses
from training.projection import ProjectionRange, project_poses


@dataclass(frozen=True, slots=True, eq=False)
class Conditioned:
    """(n, 17, 3) poses in mm, (n, 17, 2) crop coordinates that are 0 where (n, 17) `visible` is false."""

    joints_mm: Tensor
    joints_2d: Tensor
    visible: Tensor

    def __len__(self) -> int:
        return len(self.joints_mm)

    def rows(self, start: int, stop: int) -> Conditioned:
        return Conditioned(self.joints_mm[start:stop], self.joints_2d[start:stop], self.visible[start:stop])

    def to(self, device: torch.device) -> Conditioned:
        return Conditioned(self.joints_mm.to(device), self.joints_2d.to(device), self.visible.to(device))


class ConditionedSampler:
    """Training batches; batch i depends on (seed, i) alone."""

    def __init__(self, motion: BoneMotion, seed: int, *, batch_size: int, plan: ProjectionRange | None = None) -> None:
        self.poses = PoseSampler(motion, seed, batch_size=batch_size)
        self.seed, self.plan = seed, plan or ProjectionRange()

    def batch(self, index: int) -> Conditioned:
        return conditioned(self.poses.batch(index), np.random.default_rng([self.seed, index, 2]), plan=self.plan)


def conditioned(joints_mm: F32, rng: np.random.Generator, *, plan: ProjectionRange) -> Conditioned:
    seen = project_poses(joints_mm, rng, plan=plan)
    return Conditioned(torch.from_numpy(joints_mm), torch.from_numpy(seen.joints_2d), torch.from_numpy(seen.visible))


def held_out(motion: BoneMotion, *, hidden: int, every: int = 1) -> Conditioned:
    """Every n-th frame of the test subjects with exactly so many joints hidden; the same for every method."""
    poses = np.ascontiguousarray(held_out_poses(motion)[::every])
    return conditioned(poses, np.random.default_rng([hidden, 0x7E57]), plan=ProjectionRange(hidden=(hidden, hidden)))
