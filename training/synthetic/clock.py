"""How long each stage of making a crop takes: CPU and wall time, summed, cheap enough to stay on.

One clock belongs to one thread. Stages may lie inside one another; a moment counts for the innermost one only, so that
all stages together make up the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter_ns, process_time_ns
from types import TracebackType


@dataclass(frozen=True, slots=True)
class StageTime:
    """What one stage has cost so far."""

    name: str
    entries: int
    cpu_s: float
    """Of all threads of the process: a software rasteriser's own threads count."""
    wall_s: float


class StageClock:
    """`with clock.stage("draw"): ...` adds to the stage of that name."""

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}
        self._running: list[_Stage] = []
        self._cpu_ns = self._wall_ns = 0

    def stage(self, name: str) -> _Stage:
        found = self._stages.get(name)
        if found is None:
            found = self._stages[name] = _Stage(self)
        return found

    def times(self) -> tuple[StageTime, ...]:
        """Every stage in the order of its first use; a stage that is still running counts up to its last change."""
        return tuple(
            StageTime(name, stage.entries, stage.cpu_ns / 1e9, stage.wall_ns / 1e9)
            for name, stage in self._stages.items()
        )

    def restart(self) -> None:
        """Forget what was summed; not inside a stage."""
        assert not self._running, "a stage is running"
        self._stages.clear()

    def _enter(self, stage: _Stage) -> None:
        self._charge()
        stage.entries += 1
        self._running.append(stage)

    def _leave(self) -> None:
        self._charge()
        self._running.pop()

    def _charge(self) -> None:
        cpu_ns, wall_ns = process_time_ns(), perf_counter_ns()
        if self._running:
            inner = self._running[-1]
            inner.cpu_ns += cpu_ns - self._cpu_ns
            inner.wall_ns += wall_ns - self._wall_ns
        self._cpu_ns, self._wall_ns = cpu_ns, wall_ns


class _Stage:
    __slots__ = ("_clock", "cpu_ns", "entries", "wall_ns")

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
        self.entries = self.cpu_ns = self.wall_ns = 0

    def __enter__(self) -> None:
        self._clock._enter(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock._leave()


def merged(clocks: Iterable[Iterable[StageTime]]) -> tuple[StageTime, ...]:
    """The sums over several clocks, by the stages' names."""
    sums: dict[str, StageTime] = {}
    for times in clocks:
        for time in times:
            before = sums.get(time.name, StageTime(time.name, 0, 0.0, 0.0))
            sums[time.name] = StageTime(
                time.name, before.entries + time.entries, before.cpu_s + time.cpu_s, before.wall_s + time.wall_s
            )
    return tuple(sums.values())
