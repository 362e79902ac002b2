"""Batches of training poses without end: frames of motion, augmented, on bodies drawn anew, seen by a camera.

Batch i depends on the seed and i alone, so training resumes at any step and several processes can take turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from training.augment import LIMBS, ViewRange, draw_views, jittered, mirrored, mixed, seen
from training.balance import frame_probabilities
from training.bodies import draw_offsets_mm, posed_mm
from training.cmu import F32, TEST_SUBJECTS, BoneMotion
from training.data_error import DataError
from training.joint_limits import plausible
from training.rare import RARE, RareKind, at_table, made_rare, standing


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Shares of a batch that are changed, each drawn per pose."""

    mirror: float = 0.5
    mix: float = 0.5
    """Poses that take limbs from other frames; in these, each limb and the trunk is exchanged with `mix_part`."""
    mix_part: float = 0.4
    rare: float = 0.25
    """Poses changed by one of the kinds of `training.rare`."""
    standing: float = 0.0
    """Poses whose legs then stand straight (`training.rare.standing`)."""
    at_table: float = 0.0
    """Poses that then sit before a screen or a table (`training.rare.at_table`)."""
    jitter_deg: float = 6.0
    """Spread of small turns of every limb."""
    view: ViewRange = field(default_factory=ViewRange)

    def __post_init__(self) -> None:
        if not 0.0 <= self.jitter_deg <= 30.0:
            raise ValueError(f"jitter_deg is a spread between 0 and 30 degrees, got {self.jitter_deg}")
        for name in ("mirror", "mix", "mix_part", "rare", "standing", "at_table"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a share between 0 and 1, got {getattr(self, name)}")


_BLOCK_POSES = 4096


class TurnSampler:
    """Turns of bones drawn from a motion and changed, before any body is put on them."""

    def __init__(
        self, motion: BoneMotion, augmentation: Augmentation, *, rare_kinds: Mapping[str, RareKind] = RARE
    ) -> None:
        self.motion, self.augmentation, self.rare_kinds = motion, augmentation, rare_kinds
        self._cumulative = np.cumsum(frame_probabilities(motion))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[F32, F32]:
        """Twice (count, 17, 3, 3), person axes: changed, and as recorded for where no body can take the changed one.

        Limbs mixed, some poses made rare, some stood up, all jittered.
        """
        recorded = self._frames(rng, count)
        plan = self.augmentation
        poses = recorded.copy()
        some = np.flatnonzero(rng.random(count) < plan.mix)
        donors = [self._frames(rng, len(some)) for _ in range(len(LIMBS) + 1)]
        poses[some] = mixed(poses[some], rng, donors=donors, probability=plan.mix_part)
        rare = np.flatnonzero(rng.random(count) < plan.rare)
        poses[rare] = made_rare(poses[rare], rng, kinds=self.rare_kinds)
        if plan.standing:  # nothing is drawn for none: sets of crops without keep their bytes
            upright = np.flatnonzero(rng.random(count) < plan.standing)
            poses[upright] = standing(poses[upright], rng)
        if plan.at_table:
            seated = np.flatnonzero(rng.random(count) < plan.at_table)
            poses[seated] = at_table(poses[seated], rng)
        return jittered(poses, rng, spread_deg=plan.jitter_deg), recorded

    def _frames(self, rng: np.random.Generator, count: int) -> F32:
        """Recorded frames drawn at random, some mirrored."""
        drawn = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1], side="right")
        frames: F32 = self.motion.rotations[drawn]
        flip = np.flatnonzero(rng.random(count) < self.augmentation.mirror)
        frames[flip] = mirrored(frames[flip])
        return frames


class PoseSampler:
    """Endless batches (batch, 17, 3) float32: mm relative to the pelvis, camera axes (x right, y down, z forward).

    Deterministic: `batch(i)` may be asked in any order and by any process, and is the same for the same motion, seed,
    batch size and augmentation. Not for several threads at once.
    """

    def __init__(
        self, motion: BoneMotion, seed: int, *, batch_size: int = 256, augmentation: Augmentation | None = None
    ) -> None:
        if leaked := motion.subjects & TEST_SUBJECTS:
            raise DataError.of(
                "motion",
                "subjects",
                f"{', '.join(sorted(leaked))} are for testing only",
                cure='give motion.part("train")',
            )
        self.motion, self.seed, self.batch_size = motion, seed, batch_size
        self.augmentation = augmentation or Augmentation()
        self._batches_per_block = max(1, _BLOCK_POSES // batch_size)
        self._kept: tuple[int, F32] = (-1, np.empty((0, 17, 3), np.float32))
        self._turns = TurnSampler(motion, self.augmentation)

    def batch(self, index: int) -> F32:
        """The poses of step `index`."""
        block, row = divmod(index, self._batches_per_block)
        if block != self._kept[0]:
            self._kept = (block, self._poses(block))
        return self._kept[1][row * self.batch_size : (row + 1) * self.batch_size].copy()

    def batches(self, start: int = 0) -> Iterator[F32]:
        """Batch `start`, `start + 1` and so on, without end."""
        index = start
        while True:
            yield self.batch(index)
            index += 1

    def _poses(self, block: int) -> F32:
        """Several batches at once: numpy's cost per call is shared by all of them."""
        rng = np.random.default_rng([self.seed, block])
        changed, recorded = self._turns.draw(rng, self._batches_per_block * self.batch_size)
        offsets_mm = draw_offsets_mm(rng, len(recorded), split="train")
        views = draw_views(rng, len(recorded), view=self.augmentation.view)
        joints_mm = posed_mm(changed, offsets_mm)
        refused = np.flatnonzero(~plausible(joints_mm))
        joints_mm[refused] = posed_mm(recorded[refused], offsets_mm[refused])
        return seen(joints_mm, views)


def held_out_poses(motion: BoneMotion, seed: int = 0, *, view: ViewRange | None = None) -> F32:
    """(frame, 17, 3) every frame of the test subjects once, in order, as recorded; test bodies, each from its own view.

    What every evaluation on CMU uses; the same for the same seed. Units and axes as `PoseSampler`.
    """
    test = motion.part("test")
    rng = np.random.default_rng([seed, 0x7E57])
    offsets_mm = draw_offsets_mm(rng, len(test), split="test")
    return seen(posed_mm(test.rotations, offsets_mm), draw_views(rng, len(test), view=view or ViewRange()))
