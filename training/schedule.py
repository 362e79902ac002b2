"""The learning rate over a run: a linear warm-up, then half a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass


class ScheduleError(ValueError):
    """A schedule that cannot be; the text quotes the value."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`rate(step)` rises to `peak` over `warmup_steps`, then falls to `floor * peak` at `steps`."""

    peak: float
    steps: int
    warmup_steps: int = 0
    floor: float = 0.01

    def __post_init__(self) -> None:
        if not self.peak > 0:
            raise ScheduleError(f"learning rate {self.peak} must be above 0")
        if not 0 <= self.warmup_steps < self.steps:
            raise ScheduleError(f"{self.warmup_steps} warm-up steps do not fit into {self.steps} steps; use fewer")
        if not 0 <= self.floor <= 1:
            raise ScheduleError(f"the final share {self.floor} of the learning rate must lie in 0..1")

    def rate(self, step: int) -> float:
        """The learning rate of the step with this number, counted from 0."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        share = min(1.0, (step - self.warmup_steps) / (self.steps - self.warmup_steps))
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * share)))
