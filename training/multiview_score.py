"""Errors of an estimator in every view of a calibrated recording against references from the other views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.calibrated_views import View
from training.metrics import PCK_LIMIT_MM, procrustes
from training.multiview import H36M_ROWS, SCORED, SCORED_COUNT, SHOULDERS, Reference, References, reference

F64 = NDArray[np.float64]

MIN_ALIGNED_JOINTS = 4
"""Fewer joints can be turned and scaled onto almost anything."""
MIN_OVERLAP = 0.02
"""Intersection over union of two boxes around the same joints that makes them one person: a bad pose of the right
person overlaps a little, somebody else not at all."""
_BOX_MARGIN = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A person as the estimator gave one."""

    joints_mm: F64
    """(17, 3) camera axes, any origin."""
    joints_px: F64
    """(17, 2) full-frame pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One view at one moment: a reference, and the person it was compared with."""

    view: int
    moment: int
    truth: Reference
    person: Candidate | None
    errors_mm: F64
    """(10,) infinite where no reference or no person is there."""
    aligned_mm: F64
    """(10,) after Procrustes; infinite where there are fewer than `MIN_ALIGNED_JOINTS` joints."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Over a set of reference joints; None where there is nothing to measure."""

    references: int
    """Joints with a reference."""
    coverage: float | None
    """Share of them for which the estimator gave a person in that frame, 0..1."""
    mpjpe_mm: float | None
    """Of the covered ones, from the root, no scale fitted."""
    pa_mpjpe_mm: float | None
    """Of those in frames with at least four, turned, moved and scaled onto the reference."""
    pck150: float | None
    """Share of the covered ones within 150 mm."""
    pck150_of_all: float | None
    """Share of all reference joints within 150 mm: what is not covered counts as wrong."""


def score(views: Sequence[View], of_all: References, people: Sequence[Sequence[Sequence[Candidate]]]) -> list[Scored]:
    """Every view and moment that has a reference; `people[view][moment]` are the persons given there."""
    results = []
    for row, view in enumerate(views):
        for moment in range(of_all.known.shape[1]):
            truth = reference(view, of_all, row=row, moment=moment)
            if truth is not None:
                person = matched(view, truth, people[row][moment])
                results.append(_compared(row, moment, truth=truth, person=person))
    return results


def matched(view: View, truth: Reference, people: Sequence[Candidate]) -> Candidate | None:
    """The person whose box overlaps the projected reference's most, over the same joints."""
    rows = np.flatnonzero(truth.scored)
    box = _box(np.vstack([view.camera.project(truth.camera_mm[rows]), view.camera.project(truth.root_mm)[None]]))
    joints = [H36M_ROWS[row] for row in rows]
    root = root_rows(truth)
    best, most = None, MIN_OVERLAP
    for person in people:
        overlap = _overlap(box, _box(np.vstack([person.joints_px[joints], person.joints_px[root].mean(axis=0)])))
        if overlap >= most:
            best, most = person, overlap
    return best


def figures(results: Sequence[Scored], joint: str | None = None) -> Figures:
    """Over all joints of these results, or over one."""
    columns = slice(None) if joint is None else [SCORED.index(joint)]
    known = _stacked([result.truth.scored for result in results], bool)[:, columns]
    errors = _stacked([result.errors_mm for result in results], float)[:, columns]
    aligned = _stacked([result.aligned_mm for result in results], float)[:, columns]
    covered = np.isfinite(errors)
    near = int((errors <= PCK_LIMIT_MM).sum())
    total = int(known.sum())
    return Figures(
        references=total,
        coverage=float(covered.sum()) / total if total else None,
        mpjpe_mm=float(errors[covered].mean()) if covered.any() else None,
        pa_mpjpe_mm=float(aligned[np.isfinite(aligned)].mean()) if np.isfinite(aligned).any() else None,
        pck150=near / int(covered.sum()) if covered.any() else None,
        pck150_of_all=near / total if total else None,
    )


def _compared(view: int, moment: int, *, truth: Reference, person: Candidate | None) -> Scored:
    errors, aligned = np.full(SCORED_COUNT, np.inf), np.full(SCORED_COUNT, np.inf)
    rows = np.flatnonzero(truth.scored)
    if person is not None:
        estimate = person.joints_mm[H36M_ROWS] - person.joints_mm[root_rows(truth)].mean(axis=0)
        errors[rows] = np.linalg.norm(estimate - truth.relative_mm, axis=-1)[rows]
        if len(rows) >= MIN_ALIGNED_JOINTS:
            moved = procrustes(estimate[rows], truth.relative_mm[rows])
            aligned[rows] = np.linalg.norm(moved - truth.relative_mm[rows], axis=-1)
    return Scored(view, moment, truth, person, errors, aligned)


def root_rows(truth: Reference) -> list[int]:
    """The estimator's joints whose middle is the same root."""
    return H36M17.rows("pelvis") if truth.root == "hips" else H36M17.rows(*SHOULDERS)


def _box(points_px: F64) -> F64:
    """(4,) left, top, right, bottom, a little wider: joints in a line have a box too."""
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    margin = max(_BOX_MARGIN * float((high - low).max()), 1.0)
    return np.concatenate([low - margin, high + margin])


def _overlap(one: F64, other: F64) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    areas = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]))
    return shared / (areas - shared)


def _stacked(rows: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.array(rows, kind).reshape(len(rows), SCORED_COUNT)
