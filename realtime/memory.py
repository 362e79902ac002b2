"""What is remembered of one person from look to look, and the pose that follows from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.body.pose import PersonPose
from engine.body.running_means import RunningMeans
from engine.body.virtual_camera import axes_towards
from engine.runtime.temporal_blend import Moments, TemporalBlend

_FIRST_S = 1 / 30
"""How long a first look counts."""


class Memory:
    """Per look call it once, in order; for poses whose estimator states its doubt."""

    def __init__(self, blend: TemporalBlend, *, forget_after_s: float) -> None:
        self._blend = blend
        self._forget_after_s = forget_after_s
        self._means = RunningMeans()
        self._time_s: float | None = None

    def __call__(self, pose: PersonPose, time_s: float) -> NDArray[np.float32]:
        """(17, 3) joints_mm by this look and those before, which are forgotten after a pause and where time stands
        still or runs backwards. ValueError for a pose without spread_mm."""
        if pose.spread_mm is None:
            raise ValueError("a pose without spread_mm says not how far it is to be believed")
        gap_s = _FIRST_S if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if not 0.0 < gap_s <= self._forget_after_s:
            self._means, gap_s = RunningMeans(), _FIRST_S
        spread_mm = np.maximum(pose.spread_mm, 1.0)
        self._means.add(pose.joints_mm.astype(np.float64), spread_mm.astype(np.float64), np.asarray(gap_s))
        moment = Moments.of(
            pose.joints_mm,
            pose.root_mm,
            spread_mm,
            seen=pose.confidence,
            presence=pose.presence,
            gap_s=gap_s,
            means_mm=self._means.means_mm,
            log_weights=self._means.log_weights,
        )
        return (1000 * self._blend(moment) @ axes_towards(pose.root_mm)).astype(np.float32)
