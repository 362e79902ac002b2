"""Looks of an estimator at people in motion, beside the truth: what the temporal blend learns from.

A file is an .npz of `Sequences`' arrays; `di2pose data sequences` makes it. It is written under another name and
renamed when whole.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.body.pose import PersonPose
from engine.body.running_means import RunningMeans
from engine.body.virtual_camera import axes_towards
from engine.runtime.temporal_blend import Moments, turned_m
from training.data_error import DataError
from training.whole_npz import write_npz

F32 = NDArray[np.float32]

_CURE = "make it again with `di2pose data sequences`"


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """n sequences of T moments each; where nobody was found the row repeats another and `found` is false."""

    joints_mm: F32
    """(n, T, 17, 3) looks, camera axes, relative to the pelvis"""
    root_mm: F32
    """(n, T, 3)"""
    spread_mm: F32
    """(n, T, 17) stated 90 % radii"""
    seen: F32
    """(n, T, 17) 0..1"""
    presence: F32
    """(n, T)"""
    time_s: F32
    """(n, T) rising"""
    truth_mm: F32
    """(n, T, 17, 3) as `joints_mm`"""
    found: NDArray[np.bool_]
    """(n, T)"""

    def __post_init__(self) -> None:
        n, moments = self.found.shape
        tails = {"joints_mm": (17, 3), "root_mm": (3,), "spread_mm": (17,), "seen": (17,), "truth_mm": (17, 3)}
        for entry in fields(self):
            shape = (n, moments, *tails.get(entry.name, ()))
            values = getattr(self, entry.name)
            if values.shape != shape or not np.isfinite(values).all():
                raise ValueError(f"{entry.name} must be finite and {shape}, got {values.shape}")

    def __len__(self) -> int:
        return len(self.found)

    def write(self, path: Path) -> None:
        write_npz(path, {entry.name: getattr(self, entry.name) for entry in fields(self)})


def read(paths: Sequence[Path]) -> Sequences:
    """All sequences of these files, in order. DataError for a file that is not whole or of another length."""
    parts = [_read(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if part.found.shape[1] != parts[0].found.shape[1]:
            problem = f"sequences of {part.found.shape[1]} moments, those of {paths[0]} have {parts[0].found.shape[1]}"
            raise DataError.of(path, "found", problem, cure=_CURE)
    return joined(parts)


def joined(parts: Sequence[Sequences]) -> Sequences:
    """All of them, in order. DataError for none."""
    if not parts:
        raise DataError.of("sequences", "found", "nobody is found in any", cure="ask for more sequences")
    return Sequences(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Sequences)))


def sequence_of(looks: Sequence[PersonPose | None], truth: Sequence[tuple[float, NDArray[np.float64]]]) -> Sequences:
    """One sequence of looks that state their doubt, None where nobody was found, beside time_s and the true joints_mm.

    ValueError where nobody is ever found.
    """
    found = [pose for pose in looks if pose is not None]
    if not found:
        raise ValueError("a sequence needs a look at somebody")
    filled = [pose or found[0] for pose in looks]

    def rows(values: Iterable[ArrayLike]) -> F32:
        return np.array(list(values), np.float32)[None]

    spreads_mm = [pose.spread_mm for pose in filled]
    assert all(spread is not None for spread in spreads_mm), "the estimator states its doubt"
    return Sequences(
        rows(pose.joints_mm for pose in filled),
        rows(pose.root_mm for pose in filled),
        rows(spreads_mm),  # type: ignore[arg-type]
        rows(pose.confidence for pose in filled),
        rows(pose.presence for pose in filled),
        rows(time_s for time_s, _ in truth),
        rows(joints_mm for _, joints_mm in truth),
        np.array([pose is not None for pose in looks])[None],
    )


def _read(path: Path) -> Sequences:
    try:
        with np.load(path) as file:
            return Sequences(**{entry.name: file[entry.name] for entry in fields(Sequences)})
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataError.of(path, "sequences", str(error), cure=_CURE) from error


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Every moment with its past, and the truth in the same axes; rows of `neighbours` are three in a row."""

    moments: Moments
    truth_m: F32
    """(moment, 17, 3)"""
    neighbours: NDArray[np.intp]
    """(m, 3) rows of moments that follow each other in one sequence"""


def looks_of(sequences: Sequences) -> Looks:
    """Moments in which nobody was found are left out: the time to the next one is longer.

    DataError where somebody is found in no three moments of one sequence.
    """
    rows = [np.flatnonzero(found) for found in sequences.found]
    parts = [_past(sequences, number, row) for number, row in enumerate(rows) if len(row)]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    three = [np.arange(start, max(stop - 2, start)) for start, stop in pairwise(starts)]
    moments = Moments(*(np.concatenate([getattr(part[0], entry.name) for part in parts]) for entry in fields(Moments)))
    first = np.concatenate(three)
    if not len(first):
        raise DataError.of("sequences", "found", "nobody is found three times in a row", cure="ask for more sequences")
    return Looks(moments, np.concatenate([part[1] for part in parts]), np.stack([first, first + 1, first + 2], axis=1))


def _past(sequences: Sequences, number: int, rows: NDArray[np.intp]) -> tuple[Moments, F32]:
    """The moments of one sequence, and the truth."""
    time_s = sequences.time_s[number, rows].astype(np.float64)
    gap_s = np.diff(time_s, prepend=time_s[0] - 1 / 30)
    looks_mm, spread_mm = sequences.joints_mm[number, rows], np.maximum(sequences.spread_mm[number, rows], 1.0)
    means, means_mm, log_weights = RunningMeans(), [], []
    for joints_mm, radii_mm, gap in zip(looks_mm, spread_mm, gap_s, strict=True):
        means.add(joints_mm.astype(np.float64), radii_mm.astype(np.float64), gap)
        means_mm.append(means.means_mm)
        log_weights.append(means.log_weights)
    root_mm = sequences.root_mm[number, rows]
    moments = Moments.of(
        looks_mm,
        root_mm,
        spread_mm,
        seen=sequences.seen[number, rows],
        presence=sequences.presence[number, rows],
        gap_s=gap_s,
        means_mm=np.array(means_mm),
        log_weights=np.array(log_weights),
    )
    return moments, turned_m(sequences.truth_mm[number, rows], axes_towards(root_mm))
