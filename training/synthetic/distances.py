"""How far two samples of feature vectors lie apart: a kernel distance with its error, and a Frechet distance.

The kernel distance is the unbiased estimate of MMD^2 with the cubic polynomial kernel (x.y / d + 1)^3, called KID in
"Demystifying MMD GANs" (Binkowski et al., 2018). It is zero on average for two samples of one distribution, may be
negative by chance, and is right at any sample size. The Frechet distance between normal distributions (Heusel et al.,
2017) is biased upwards on small samples and therefore a second opinion only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
"""(sample, feature)"""

BLOCKS = 20
"""Runs of neighbours that are left out in turn for the error. Neighbours may be alike (frames of one video): whole runs
are not, as long as a run is longer than the likeness."""
_FARTHEST = 5.0
"""Spreads beyond which it does not matter how far a feature lies. Without this limit the few crops on which the network
fails, waking channels that sleep on real people, decide the distance of 700: 10^11 for 2 px of blur."""
_PER_FEATURE = 2
"""Samples for each feature from which a covariance is worth its name."""


@dataclass(frozen=True, slots=True)
class Distance:
    value: float
    error: float
    """One standard error."""

    def __str__(self) -> str:
        return f"{self.value:.3g} ± {self.error:.2g}"


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Features are compared in units of their spread in one reference, so that none outweighs the others."""

    mean: Features
    """(feature,)"""
    spread: Features
    """(feature,) above 0."""

    @classmethod
    def of(cls, reference: Features) -> Self:
        """A feature that never changes in the reference keeps its own units."""
        spread = reference.std(axis=0)
        return cls(reference.mean(axis=0), np.where(spread > 1e-6, spread, 1.0))

    def __call__(self, features: Features) -> Features:
        scaled = (np.asarray(features, np.float64) - self.mean) / self.spread
        return np.clip(scaled, -_FARTHEST, _FARTHEST)


def kernel_distance(one: Features, other: Features, *, blocks: int = BLOCKS) -> Distance:
    """Unbiased MMD^2; the error by leaving out `blocks` runs of neighbours of each sample in turn (jackknife).

    ValueError for fewer than two samples a side or unlike numbers of features.
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise ValueError(f"samples must have the same features, got {one.shape} and {other.shape}")
    if min(len(one), len(other)) < 2:
        raise ValueError(f"a distance needs at least 2 samples a side, got {len(one)} and {len(other)}")
    within = [_Within.of(each, blocks) for each in (one, other)]
    across, rows, columns = _across(one, other, blocks)
    total, pairs = across.sum(), len(one) * len(other)
    value = within[0].mean() + within[1].mean() - 2 * total / pairs
    variance = 0.0
    for part, sums, counts in ((within[0], across.sum(axis=1), rows), (within[1], across.sum(axis=0), columns)):
        rest = within[1] if part is within[0] else within[0]
        left = pairs - counts * (pairs // counts.sum())
        without = [part.mean(without=block) for block in range(len(counts))] - 2 * (total - sums) / left + rest.mean()
        variance += (len(counts) - 1) * float(np.var(without))
    return Distance(float(value), float(np.sqrt(variance)))


def frechet_distance(one: Features, other: Features) -> float | None:
    """Squared Frechet distance of the normal distributions fitted to both; None where a sample is too small for it."""
    if min(len(one), len(other)) < _PER_FEATURE * one.shape[1]:
        return None
    covariances = [np.atleast_2d(np.cov(each, rowvar=False)) for each in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ covariances[1] @ root), 0, None)).sum()
    shift = one.mean(axis=0) - other.mean(axis=0)
    return float(shift @ shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared)


@dataclass(frozen=True, slots=True, eq=False)
class _Within:
    """Kernel sums inside one sample, by block, without each vector's kernel with itself."""

    sums: Features
    """(block, block)"""
    counts: NDArray[np.intp]
    """(block,)"""

    @classmethod
    def of(cls, sample: Features, blocks: int) -> Self:
        kernel = _kernel(sample, sample)
        np.fill_diagonal(kernel, 0.0)
        starts, counts = _runs(len(sample), blocks)
        return cls(np.add.reduceat(np.add.reduceat(kernel, starts, axis=0), starts, axis=1), counts)

    def mean(self, without: int | None = None) -> float:
        """Over pairs of different vectors."""
        total, count = float(self.sums.sum()), int(self.counts.sum())
        if without is not None:
            count -= int(self.counts[without])
            total -= float(self.sums[without].sum() + self.sums[:, without].sum() - self.sums[without, without])
        return total / max(count * (count - 1), 1)


def _across(one: Features, other: Features, blocks: int) -> tuple[Features, NDArray[np.intp], NDArray[np.intp]]:
    rows, row_counts = _runs(len(one), blocks)
    columns, column_counts = _runs(len(other), blocks)
    sums = np.add.reduceat(np.add.reduceat(_kernel(one, other), rows, axis=0), columns, axis=1)
    return sums, row_counts, column_counts


def _kernel(one: Features, other: Features) -> Features:
    result: Features = (one @ other.T / one.shape[1] + 1) ** 3
    return result


def _runs(count: int, blocks: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and lengths of at most `blocks` runs that leave at least two samples when one is taken away."""
    parts = min(blocks, count) if count > 2 else 1
    edges = np.linspace(0, count, parts + 1).astype(np.intp)
    return edges[:-1], np.diff(edges)
