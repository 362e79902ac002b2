"""How far a build is, from the nested phases that the library reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BuildProgress:
    phase: str
    fraction: float
    """0..1 of the library's own steps; they are not equally long."""
    left_s: float | None
    """Time left if the rest goes as the steps so far; None at the start."""


Report = Callable[[BuildProgress], None]


def silent(_: BuildProgress) -> None:
    """Reports nothing."""


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


@dataclass(slots=True)
class PhaseTree:
    """Phases by name as the library starts and ends them. The fraction never falls."""

    now_s: Callable[[], float] = time.monotonic
    _phases: dict[str, _Phase] = field(default_factory=dict)
    _started_s: float | None = None
    _fraction: float = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        self._started_s = self.now_s() if self._started_s is None else self._started_s
        self._phases[name] = _Phase(parent, max(steps, 1))

    def step(self, name: str, index: int) -> None:
        """Step `index`, counted from 0, of a phase is done."""
        if name in self._phases:
            self._phases[name].done = min(index + 1, self._phases[name].steps)

    def finish(self, name: str) -> None:
        self._phases.pop(name, None)

    def progress(self, phase: str) -> BuildProgress:
        roots = [name for name, entry in self._phases.items() if entry.parent not in self._phases]
        self._fraction = max([self._fraction, *(self._share(name) for name in roots)])
        spent_s = self.now_s() - (self.now_s() if self._started_s is None else self._started_s)
        left_s = spent_s * (1 - self._fraction) / self._fraction if self._fraction > 0 else None
        return BuildProgress(phase, self._fraction, left_s)

    def _share(self, name: str) -> float:
        entry = self._phases[name]
        within = [self._share(child) for child, other in self._phases.items() if other.parent == name]
        return min((entry.done + max(within, default=0.0)) / entry.steps, 1.0)
