"""Errors of 3D poses as the literature measures them. All joints in millimetres, arrays (frame, joint, 3), numpy only.

Sources: protocol 1 (MPJPE) and 2 (PA-MPJPE) of Human3.6M (Ionescu et al., PAMI 2014); PCK at 150 mm and its area under
the curve from 0 to 150 mm in steps of 5 mm (Mehta et al., "Monocular 3D human pose estimation in the wild", 3DV 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PCK_LIMIT_MM = 150.0
AUC_LIMITS_MM = np.arange(0.0, 151.0, 5.0)


class PoseShapeError(ValueError):
    """Poses cannot be compared; the text names both shapes or what is not finite."""


@dataclass(frozen=True, slots=True)
class PoseErrors:
    """Summary over all frames; `per_joint_mm` is (joint,), `per_action_mm` has the actions in order of appearance."""

    mpjpe_mm: float
    pa_mpjpe_mm: float
    pck150: float
    """Share of joints within 150 mm, 0..1."""
    auc: float
    """Mean share of joints within 0, 5 .. 150 mm, 0..1."""
    per_joint_mm: Array
    per_action_mm: dict[str, float]
    per_action_pa_mm: dict[str, float]
    frames: int

    @property
    def action_mean_mm(self) -> float:
        """Human3.6M's headline: the mean over actions, each counting the same; the plain mean where none are named."""
        return float(np.mean(list(self.per_action_mm.values()))) if self.per_action_mm else self.mpjpe_mm


def joint_errors_mm(estimate_mm: ArrayLike, truth_mm: ArrayLike) -> Array:
    """Euclidean distance of every joint, (..., joint). PoseShapeError where shapes differ or a value is not finite."""
    estimate, truth = np.asarray(estimate_mm, np.float64), np.asarray(truth_mm, np.float64)
    if estimate.shape != truth.shape or estimate.ndim < 2 or estimate.shape[-1] != 3:
        raise PoseShapeError(
            f"estimate {estimate.shape} and truth {truth.shape} must both be (..., joint, 3); check the skeletons"
        )
    for name, poses in (("estimate", estimate), ("truth", truth)):
        if not np.isfinite(poses).all():
            frame = int(np.argwhere(~np.isfinite(poses))[0][0])
            raise PoseShapeError(f"the {name} is not finite at index {frame}; leave such frames out before measuring")
    return np.asarray(np.linalg.norm(estimate - truth, axis=-1))


def centred(joints_mm: ArrayLike, root: int = 0) -> Array:
    """Poses relative to one joint (default: the pelvis, row 0)."""
    joints = np.asarray(joints_mm, np.float64)
    return joints - joints[..., root : root + 1, :]


def procrustes(source: ArrayLike, target: ArrayLike) -> Array:
    """`source` (..., joint, 3) moved by the similarity without reflection that brings it closest to `target`.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991. A source
    whose joints coincide has no shape to align and lands on the target's centroid.
    """
    x, y = np.asarray(source, np.float64), np.asarray(target, np.float64)
    x_mean, y_mean = x.mean(axis=-2, keepdims=True), y.mean(axis=-2, keepdims=True)
    x0, y0 = x - x_mean, y - y_mean
    u, strength, vt = np.linalg.svd(np.swapaxes(x0, -1, -2) @ y0)
    sign = np.ones_like(strength)
    sign[..., -1] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * sign[..., None, :]) @ vt
    size = (x0**2).sum(axis=(-2, -1))
    scale = (strength * sign).sum(axis=-1) / np.where(size > 0, size, 1.0)
    return np.asarray(scale[..., None, None] * x0 @ rotation + y_mean)


def mpjpe_mm(estimate_mm: ArrayLike, truth_mm: ArrayLike) -> float:
    return float(joint_errors_mm(estimate_mm, truth_mm).mean())


def pa_mpjpe_mm(estimate_mm: ArrayLike, truth_mm: ArrayLike) -> float:
    joint_errors_mm(
        estimate_mm, truth_mm
    )  # refuses bad shapes and values before the decomposition does so less clearly
    return mpjpe_mm(procrustes(estimate_mm, truth_mm), truth_mm)


def pck(errors_mm: ArrayLike, limit_mm: float = PCK_LIMIT_MM) -> float:
    return float((np.asarray(errors_mm) <= limit_mm).mean())


def area_under_curve(errors_mm: ArrayLike) -> float:
    return float(np.mean([pck(errors_mm, limit) for limit in AUC_LIMITS_MM]))


def measure(estimate_mm: ArrayLike, truth_mm: ArrayLike, *, actions: Sequence[str] | None = None) -> PoseErrors:
    """All numbers at once for (frame, joint, 3) poses that are centred already; `actions` names each frame's action."""
    errors = joint_errors_mm(estimate_mm, truth_mm)
    if errors.ndim != 2 or not len(errors):
        raise PoseShapeError(f"expected at least one frame of shape (frame, joint, 3), got {np.shape(estimate_mm)}")
    aligned = joint_errors_mm(procrustes(estimate_mm, truth_mm), truth_mm)
    if actions is not None and len(actions) != len(errors):
        raise PoseShapeError(f"{len(actions)} action names for {len(errors)} frames; give one name per frame")
    return PoseErrors(
        mpjpe_mm=float(errors.mean()),
        pa_mpjpe_mm=float(aligned.mean()),
        pck150=pck(errors),
        auc=area_under_curve(errors),
        per_joint_mm=errors.mean(axis=0),
        per_action_mm=_by_action(errors, actions),
        per_action_pa_mm=_by_action(aligned, actions),
        frames=len(errors),
    )


def _by_action(errors_mm: Array, actions: Sequence[str] | None) -> dict[str, float]:
    if actions is None:
        return {}
    names = np.asarray(actions)
    return {name: float(errors_mm[names == name].mean()) for name in dict.fromkeys(actions)}
