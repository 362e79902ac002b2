"""One-Euro smoothing of poses with the real time between frames.

Casiez, Roussel and Vogel, "1 Euro Filter", CHI 2012: a first-order low-pass whose cut-off rises with speed, so a
still joint does not tremble and a fast one does not lag. Where an estimator states its doubt, a joint that is suddenly
more in doubt than it was of late, because something passes before it, is followed more slowly, and faster where it is
in sight again. The joints in space are then first blended with what is remembered (`realtime.memory`), and filtered
lightly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.body.pose import PersonPose
from engine.runtime.temporal_blend import shipped_blend
from realtime.config import SmoothingConfig
from realtime.memory import Memory

F64 = NDArray[np.float64]

_OF_LATE_HZ = 0.3
"""Cut-off of the low-pass that says how much in doubt a joint was of late: about half a second."""
_TRUST_POWER = 3.0
_TRUST = (0.05, 2.0)
"""Least and most of a joint's cut-off that is left by the ratio of doubt of late and doubt now, to that power."""

_LIGHTER = (2.0, 4.0)
"""Cut-off at rest, and its rise with speed, after the temporal blend, in those of the filter alone: what trembles after
the blend is little. With these a held pose trembles less than by the filter alone at a fourth of its lag
(docs/experiments.md)."""


class OneEuro:
    """Filters one array of fixed shape; `scale` turns its unit into the millimetres that `config` is stated in."""

    def __init__(self, config: SmoothingConfig) -> None:
        self._config = config
        self._time_s: float | None = None
        self._raw: F64 = np.zeros(0)
        self._value: F64 = np.zeros(0)
        self._speed: F64 = np.zeros(0)

    def __call__(
        self, value: NDArray[np.floating], time_s: float, *, scale: float = 1.0, trust: float | F64 = 1.0
    ) -> F64:
        """The filtered array; `trust` is a factor of its cut-off. Time that stands still or runs backwards starts the
        filter anew."""
        fresh = value.astype(np.float64)
        gap_s = math.inf if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if not 0.0 < gap_s <= self._config.forget_after_s:
            self._raw, self._value, self._speed = fresh, fresh, np.zeros_like(fresh)
            return fresh
        speed = (fresh - self._raw) / gap_s  # of raw values, so that the lag does not depend on the frame rate
        self._raw = fresh
        self._speed += _share(self._config.speed_cutoff_hz, gap_s) * (speed - self._speed)
        cutoff_hz = self._config.min_cutoff_hz + self._config.beta * scale * np.abs(self._speed)
        self._value = self._value + _share(trust * cutoff_hz, gap_s) * (fresh - self._value)
        return self._value


class Trust:
    """How far each joint's new place is to be followed, by its stated doubt now and of late."""

    def __init__(self) -> None:
        self._time_s = 0.0
        self._of_late: F64 | None = None
        """(17,) logarithm of the spread."""

    def __call__(self, spread_mm: NDArray[np.float32] | None, time_s: float) -> F64:
        """(17, 1) factors of the cut-off; 1 at first, and where no doubt is stated."""
        if spread_mm is None:
            self._of_late = None
            return np.ones((1, 1))
        now = np.log(np.maximum(spread_mm, 1.0).astype(np.float64))
        of_late = now if self._of_late is None else self._of_late
        gap_s, self._time_s = max(time_s - self._time_s, 0.0), time_s
        self._of_late = of_late + _share(_OF_LATE_HZ, gap_s) * (now - of_late)
        return np.clip(np.exp(_TRUST_POWER * (of_late - now)), *_TRUST)[:, None]


def _share(cutoff_hz: float | F64, gap_s: float) -> F64:
    """How much of the new value a first-order low-pass lets through."""
    rate = 2 * math.pi * np.asarray(cutoff_hz) * gap_s
    return np.asarray(rate / (rate + 1))


@dataclass(slots=True)
class _Filters:
    joints_mm: OneEuro
    root_mm: OneEuro
    joints_px: OneEuro
    trust: Trust
    memory: Memory | None
    """With `blended_mm` in place of `joints_mm` and its trust, where the estimator states its doubt."""
    blended_mm: OneEuro
    seen_s: float


class Smoother:
    """Smooths each person's joints, root and pixels; forgets who has not been seen for a while."""

    def __init__(self, config: SmoothingConfig) -> None:
        """NetworkFilesError where the weights of the temporal blend are not whole."""
        self._config = config
        self._blend = shipped_blend() if config.enabled and config.learned else None
        self._of_person: dict[int, _Filters] = {}

    def poses(self, poses: Sequence[PersonPose], time_s: float) -> list[PersonPose]:
        """The same poses, smoothed; unchanged when smoothing is off."""
        if not self._config.enabled:
            return list(poses)
        smoothed = [self._smoothed(pose, time_s) for pose in poses]
        gone = [who for who, kept in self._of_person.items() if abs(time_s - kept.seen_s) > self._config.forget_after_s]
        for who in gone:
            del self._of_person[who]
        return smoothed

    def forget_all(self) -> None:
        self._of_person.clear()

    def _smoothed(self, pose: PersonPose, time_s: float) -> PersonPose:
        filters = self._of_person.get(pose.person_id)
        if filters is None:
            filters = self._fresh(pose, time_s)
            self._of_person[pose.person_id] = filters
        filters.seen_s = time_s
        trust = filters.trust(pose.spread_mm, time_s)
        if filters.memory is not None and pose.spread_mm is not None:
            joints_mm = filters.blended_mm(filters.memory(pose, time_s), time_s)
        else:
            joints_mm = filters.joints_mm(pose.joints_mm, time_s, trust=trust)
        return replace(
            pose,
            joints_mm=(joints_mm - joints_mm[0]).astype(np.float32),
            root_mm=filters.root_mm(pose.root_mm, time_s).astype(np.float32),
            joints_px=filters.joints_px(pose.joints_px, time_s, scale=_mm_per_px(pose), trust=trust).astype(np.float32),
        )

    def _fresh(self, pose: PersonPose, time_s: float) -> _Filters:
        joints_mm, root_mm, joints_px = (OneEuro(self._config) for _ in range(3))
        memory = None
        if self._blend is not None and pose.spread_mm is not None:
            memory = Memory(self._blend, forget_after_s=self._config.forget_after_s)
        light = replace(
            self._config,
            min_cutoff_hz=_LIGHTER[0] * self._config.min_cutoff_hz,
            beta=_LIGHTER[1] * self._config.beta,
        )
        return _Filters(joints_mm, root_mm, joints_px, Trust(), memory, OneEuro(light), time_s)


def _mm_per_px(pose: PersonPose) -> float:
    """Scale of the person in the picture, so that near and far people are smoothed alike."""
    extent_mm = float(np.linalg.norm(np.ptp(pose.joints_mm[:, :2], axis=0)))
    extent_px = float(np.linalg.norm(np.ptp(pose.joints_px, axis=0)))
    return extent_mm / max(extent_px, 1.0)
