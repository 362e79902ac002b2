"""What a rendering has cost, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.synthetic.clock import StageTime


@dataclass(frozen=True, slots=True)
class RenderingReport:
    """Of one run; what earlier runs had finished is in `crops` and not in `rendered`."""

    crops: int
    rendered: int
    workers: int
    wall_s: float
    start_s: float
    """Of it, until the first worker was ready."""
    bytes: int
    """Size of the shards of this run."""
    stages: tuple[StageTime, ...]
    """Sums over all workers. The stages do not overlap."""
    memory_mb: tuple[float, float]
    """Resident memory of the largest worker: after its first shard, at the end."""

    @property
    def crops_per_s(self) -> float:
        """From the first worker's start of work to the end."""
        return self.rendered / max(self.wall_s - self.start_s, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "crops": self.crops,
            "rendered": self.rendered,
            "workers": self.workers,
            "wall_s": round(self.wall_s, 3),
            "start_s": round(self.start_s, 3),
            "crops_per_s": round(self.crops_per_s, 2),
            "bytes_per_crop": round(self.bytes / max(self.rendered, 1)),
            "memory_mb": {"after_first_shard": round(self.memory_mb[0], 1), "at_end": round(self.memory_mb[1], 1)},
            "stages": [self._stage(time) for time in self.stages],
        }

    def _stage(self, time: StageTime) -> dict[str, Any]:
        return {
            "name": time.name,
            "cpu_ms": round(time.cpu_s / max(self.rendered, 1) * 1e3, 4),
            "wall_ms": round(time.wall_s / max(self.rendered, 1) * 1e3, 4),
            "crops_per_s": round(self.rendered / max(time.wall_s, 1e-9), 1),
        }
