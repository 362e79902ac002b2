"""Batches of training poses without end: frames of motion, augmented, on bodies drawn anew, seen by a camera.

Batch i depends on (seed, i) alone, so training resumes at any step and several processes can take turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from training.augment import LIMBS, ViewRange, draw_views, mirrored, mixed, seen
from training.bodies import draw_offsets_mm, posed_mm
from training.cmu import F32, TEST_SUBJECTS, BoneMotion
from training.data_error import DataError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Shares of a batch that are changed, each drawn per pose."""

    mirror: float = 0.5
    mix: float = 0.5
    """Poses that take limbs from other frames; in these, each limb and the trunk is exchanged with `mix_part`."""
    mix_part: float = 0.4
    view: ViewRange = field(default_factory=ViewRange)

    def __post_init__(self) -> None:
        for name in ("mirror", "mix", "mix_part"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a share between 0 and 1, got {getattr(self, name)}")


class PoseSampler:
    """Endless batches (batch, 17, 3) float32: mm relative to the pelvis, camera axes (x right, y down, z forward).

    Deterministic and without state: `batch(i)` may be asked in any order, by any process.
    """

    def __init__(
        self, motion: BoneMotion, seed: int, *, batch_size: int = 256, augmentation: Augmentation | None = None
    ) -> None:
        if leaked := motion.subjects & TEST_SUBJECTS:
            raise DataError(
                "motion",
                "subjects",
                f"{', '.join(sorted(leaked))} are for testing only",
                cure='give motion.part("train")',
            )
        self.motion, self.seed, self.batch_size = motion, seed, batch_size
        self.augmentation = augmentation or Augmentation()

    def batch(self, index: int) -> F32:
        """The poses of step `index`."""
        rng = np.random.default_rng([self.seed, index])
        rotations = self._rotations(rng)
        offsets_mm = draw_offsets_mm(rng, self.batch_size, split="train")
        views = draw_views(rng, self.batch_size, view=self.augmentation.view)
        return seen(posed_mm(rotations, offsets_mm), views)

    def batches(self, start: int = 0) -> Iterator[F32]:
        """Batch `start`, `start + 1` and so on, without end."""
        index = start
        while True:
            yield self.batch(index)
            index += 1

    def _rotations(self, rng: np.random.Generator) -> F32:
        plan, count = self.augmentation, self.batch_size
        frames = self._frames(rng, count)
        donors = np.stack([self._frames(rng, count) for _ in range(len(LIMBS) + 1)])
        changed = mixed(frames, rng, donors=donors, probability=plan.mix_part)
        return np.where((rng.random(count) < plan.mix)[:, None, None, None], changed, frames)

    def _frames(self, rng: np.random.Generator, count: int) -> F32:
        """Recorded frames drawn at random, some mirrored."""
        frames = self.motion.rotations[rng.integers(len(self.motion), size=count)]
        flip = rng.random(count) < self.augmentation.mirror
        return np.where(flip[:, None, None, None], mirrored(frames), frames)


def held_out_poses(motion: BoneMotion, seed: int = 0, *, view: ViewRange | None = None) -> F32:
    """(frame, 17, 3) every frame of the test subjects once, in order, as recorded; test bodies, each from its own view.

    What every evaluation on CMU uses; the same for the same seed. Units and axes as `PoseSampler`.
    """
    test = motion.part("test")
    rng = np.random.default_rng([seed, 0x7E57])
    offsets_mm = draw_offsets_mm(rng, len(test), split="test")
    return seen(posed_mm(test.rotations, offsets_mm), draw_views(rng, len(test), view=view or ViewRange()))
