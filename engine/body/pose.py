"""The pose of one person: what an estimator returns and the stream carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.crop import Region
from engine.body.skeleton import BLAZEPOSE33_NAMES, H36M17

F32 = NDArray[np.float32]

JOINTS = len(H36M17.names)
POINTS = len(BLAZEPOSE33_NAMES)


@dataclass(frozen=True, slots=True, eq=False)
class Points33:
    """The 33 BlazePose points, so that feet, hands and face stay available."""

    points_px: F32
    """(33, 2) full-frame pixels."""
    points_mm: F32
    """(33, 3) camera axes, relative to the middle of BlazePose's hips."""
    visibility: F32
    """(33,) 0..1"""

    def __post_init__(self) -> None:
        _check("points_px", self.points_px, (POINTS, 2))
        _check("points_mm", self.points_mm, (POINTS, 3))
        _check("visibility", self.visibility, (POINTS,))


@dataclass(frozen=True, slots=True, eq=False)
class PersonPose:
    """One person in one frame; joints in the order of `H36M17`. All numbers are finite."""

    person_id: int
    joints_mm: F32
    """(17, 3) camera axes, relative to the pelvis: row 0 is zero."""
    root_mm: F32
    """(3,) the pelvis in the camera; absolute depth rests on the intrinsics and an assumed body size."""
    joints_px: F32
    """(17, 2) full-frame pixels, centre of the first pixel at 0."""
    confidence: F32
    """(17,) 0..1"""
    hidden: NDArray[np.bool_]
    """(17,) the estimator believes that the joint is not seen."""
    presence: float
    """0..1, that there is a person in the crop at all."""
    spread_mm: F32 | None = None
    """(17,) radius around the estimate that holds the true joint with 90 % probability; None = unknown."""
    points33: Points33 | None = None
    hypotheses_mm: F32 | None = None
    """(n, 17, 3) several possible poses, like `joints_mm`, the one nearest to it first; None = not asked for."""
    next_region: Region | None = None
    """Where to look for this person in the next frame; None = not known, detect again."""

    def __post_init__(self) -> None:
        _check("joints_mm", self.joints_mm, (JOINTS, 3))
        _check("root_mm", self.root_mm, (3,))
        _check("joints_px", self.joints_px, (JOINTS, 2))
        _check("confidence", self.confidence, (JOINTS,))
        if self.hidden.shape != (JOINTS,) or self.hidden.dtype != np.bool_:
            raise ValueError(f"hidden must be ({JOINTS},) bool, got {self.hidden.shape} {self.hidden.dtype}")
        if self.spread_mm is not None:
            _check("spread_mm", self.spread_mm, (JOINTS,))
        if self.hypotheses_mm is not None:
            _check("hypotheses_mm", self.hypotheses_mm, (len(self.hypotheses_mm), JOINTS, 3))
        if np.any(self.joints_mm[0] != 0):
            raise ValueError(f"joints_mm is relative to the pelvis, but row 0 is {self.joints_mm[0]}")


def _check(name: str, values: F32, shape: tuple[int, ...]) -> None:
    if values.shape != shape or values.dtype != np.float32:
        raise ValueError(f"{name} must be {shape} float32, got {values.shape} {values.dtype}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a value that is not finite")
