"""The pose of now from the look of now and from what was seen of late.

One look at a person whom something hides is a guess; a moment ago the joint may have been in sight. A small network
reads the look, its stated doubt and running means of the looks before (`engine.body.running_means`), and says for each
joint how much of the look and of each mean to believe: an average whose weights are learned, where the classic
filters' are fixed. To that it adds a shift of at most half the joint's own stated 90 % radius, so that joints in plain
sight stay where they are seen. It is trained on rendered people in motion (`training.train_blend`) and is this
project's own; recursive filters that weigh by stated doubt are Kalman's (1960), the convex mixing of candidates is that
of mixtures of experts (Jacobs et al., 1991).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.fetch import NetworkFilesError
from engine.body.running_means import SPANS_S
from engine.body.virtual_camera import axes_towards

F32 = NDArray[np.float32]

JOINTS = 17
CHOICES = 1 + len(SPANS_S)
"""The look itself and the means."""
FEATURES = JOINTS * (3 + 2 + 4 * len(SPANS_S)) + 2
OUTPUTS = JOINTS * (CHOICES + 3)
SHIPPED = Path(__file__).parents[1] / "weights" / "blend" / "blend.npz"
_USUAL_SPREAD_MM = 200.0
_MOST_SPREADS = 4.0
"""Doubt beyond so many usual ones allows no larger shift."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What the network reads; leading axes (...) are moments. Metres in axes in which z leads to the person."""

    joints_m: F32
    """(..., 17, 3) the look, relative to the pelvis"""
    log_spread: F32
    """(..., 17) logarithm of the stated radius over 200 mm"""
    seen: F32
    """(..., 17) 0..1"""
    presence: F32
    """(...,) 0..1"""
    gap_s: F32
    """(...,) since the look before"""
    means_m: F32
    """(..., spans, 17, 3)"""
    log_weights: F32
    """(..., spans, 17)"""

    @classmethod
    def of(
        cls,
        joints_mm: NDArray[np.floating],
        root_mm: NDArray[np.floating],
        spread_mm: NDArray[np.floating],
        *,
        seen: F32,
        presence: NDArray[np.floating] | float,
        gap_s: NDArray[np.floating] | float,
        means_mm: NDArray[np.floating],
        log_weights: NDArray[np.floating],
    ) -> Moments:
        """Of joints and means in the camera's axes; shapes as the fields', root_mm (..., 3)."""
        axes = axes_towards(root_mm)
        return cls(
            turned_m(joints_mm, axes),
            log_spread(spread_mm),
            seen,
            np.asarray(presence, np.float32),
            np.asarray(gap_s, np.float32),
            turned_m(means_mm, axes[..., None, :, :]),
            log_weights.astype(np.float32),
        )

    @property
    def features(self) -> F32:
        """(..., FEATURES) as the network takes them: numbers of the order of one."""
        off = np.clip(10 * (self.means_m - self.joints_m[..., None, :, :]), -5, 5)
        leading = np.shape(self.presence)
        parts = (
            3 * self.joints_m,
            self.log_spread,
            self.seen,
            self.presence,
            np.log(30 * np.clip(self.gap_s, 0.01, 1.0)),
            off,
            self.log_weights,
        )
        return np.concatenate([np.reshape(part, (*leading, -1)) for part in parts], axis=-1).astype(np.float32)

    @property
    def most_shift_m(self) -> F32:
        """(..., 17, 1) along each axis."""
        half_m = np.float32(0.5 * _USUAL_SPREAD_MM / 1000)
        shift: F32 = (half_m * np.minimum(np.exp(self.log_spread), _MOST_SPREADS))[..., None]
        return shift


def turned_m(points_mm: NDArray[np.floating], axes: NDArray[np.float64]) -> F32:
    """(..., n, 3) millimetres in the camera's axes -> metres in the rows of `axes` (..., 3, 3)."""
    turned: F32 = (points_mm @ np.swapaxes(axes, -1, -2) / 1000).astype(np.float32)
    return turned


def log_spread(spread_mm: NDArray[np.floating]) -> F32:
    """Of stated radii; below 20 mm they count as that."""
    found: F32 = np.log(np.maximum(spread_mm, 20.0) / _USUAL_SPREAD_MM).astype(np.float32)
    return found


class TemporalBlend:
    """Fully connected layers with SiLU between them (Elfwing et al., 2018), on numpy: 0.3 million multiplications."""

    def __init__(self, layers: list[tuple[F32, F32]]) -> None:
        """layers: (in, out) weights and (out,) biases. ValueError where they do not fit each other."""
        sizes = [FEATURES, *(len(bias) for _, bias in layers)]
        shapes = [weights.shape for weights, _ in layers]
        if sizes[-1] != OUTPUTS or shapes != list(pairwise(sizes)):
            raise ValueError(f"layers {shapes} do not lead from {FEATURES} to {OUTPUTS} numbers")
        self.layers = layers

    @classmethod
    def read(cls, path: Path) -> TemporalBlend:
        """NetworkFilesError where the file is not there, not whole or of other sizes."""
        try:
            with np.load(path) as file:
                count = len(file.files) // 2
                layers = [(file[f"weights{row}"], file[f"biases{row}"]) for row in range(count)]
            return cls(layers)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise NetworkFilesError(
                f"{path}: not the weights of the temporal blend ({error}); install the package again, or run with "
                "smoothing.learned = false"
            ) from error

    def __call__(self, moments: Moments) -> F32:
        """(..., 17, 3) metres relative to the pelvis, in the moments' axes."""
        found = moments.features
        for row, (weights, biases) in enumerate(self.layers):
            found = found @ weights + biases
            if row < len(self.layers) - 1:
                found = found / (1 + np.exp(-found))
        choices = found[..., : JOINTS * CHOICES].reshape(*found.shape[:-1], JOINTS, CHOICES)
        shares = np.exp(choices - choices.max(axis=-1, keepdims=True))
        shares = np.moveaxis(shares / shares.sum(axis=-1, keepdims=True), -1, -2)[..., None]
        shift = moments.most_shift_m * np.tanh(found[..., JOINTS * CHOICES :].reshape(*found.shape[:-1], JOINTS, 3))
        candidates = np.concatenate([moments.joints_m[..., None, :, :], moments.means_m], axis=-3)
        joints_m = (shares * candidates).sum(axis=-3) + shift
        blended: F32 = (joints_m - joints_m[..., :1, :]).astype(np.float32)
        return blended


@lru_cache(maxsize=1)
def shipped_blend() -> TemporalBlend:
    """NetworkFilesError as `TemporalBlend.read`."""
    return TemporalBlend.read(SHIPPED)
