"""What was seen of bodies of late: means of their joints over spans of time, in which surer moments weigh more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

SPANS_S = (0.07, 0.2, 0.6, 2.0)
"""Time in which a moment's weight falls to 1/e."""


class RunningMeans:
    """Leading axes (...) are bodies that are followed side by side, in axes that do not turn."""

    def __init__(self) -> None:
        self._sums: F64 | None = None
        self._weights: F64 = np.zeros(0)
        self._latest: F64 = np.zeros(0)

    def add(self, joints_mm: F64, spread_mm: F64, gap_s: F64) -> None:
        """(..., 17, 3) joints, (..., 17) how much each is in doubt, (...,) time since the moment before: for a first
        moment how long it counts."""
        kept = np.exp(-gap_s[..., None] / np.array(SPANS_S))[..., None]
        self._latest = spread_mm[..., None, :] ** -2.0
        weights = (1 - kept) * self._latest
        sums = weights[..., None] * joints_mm[..., None, :, :]
        if self._sums is None:
            self._sums, self._weights = sums, weights
        else:
            self._sums = kept[..., None] * self._sums + sums
            self._weights = kept * self._weights + weights

    @property
    def means_mm(self) -> F64:
        """(..., spans, 17, 3)"""
        assert self._sums is not None, "there are means once something was added"
        means: F64 = self._sums / self._weights[..., None]
        return means

    @property
    def log_weights(self) -> F64:
        """(..., spans, 17) logarithm of what stands behind each mean, beside the latest moment alone."""
        found: F64 = np.log(self._weights / self._latest)
        return found
