"""How well an estimator does on rendered crops, asked as the live line asks it: picture, map to the frame, camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.crop import PersonCrop
from engine.body.pose import PersonPose
from engine.runtime.estimator import Estimator
from training.evaluate_live import stream_mm
from training.fit_seen import SeenReport, seen_report
from training.fit_spread import SpreadReport, report_of
from training.metrics import joint_errors_mm, measure
from training.synthetic.scene import Crop

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CropErrors:
    """Of the stream's joints in camera axes, relative to the pelvis."""

    mpjpe_mm: float
    pa_mpjpe_mm: float
    pck150: float
    visible_mm: float
    """Mean error of the joints that are seen, the pelvis left out."""
    hidden_mm: float
    hidden: SeenReport
    spread: SpreadReport | None
    """None where the estimator states no spread."""
    crops: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def poses_of(estimator: Estimator, crops: Sequence[Crop]) -> list[PersonPose]:
    """Each crop by itself: crops of one set have cameras of their own."""
    found = []
    for number, crop in enumerate(crops):
        asked = PersonCrop(number, crop.image_rgb, np.asarray(crop.frame_from_crop))
        found += estimator.poses([asked], crop.camera)
        estimator.forget(number)
    return found


def crop_errors(poses: Sequence[PersonPose], crops: Sequence[Crop]) -> CropErrors:
    """ValueError where there are no crops."""
    if not crops:
        raise ValueError("no crops to measure")
    estimate = np.stack([pose.joints_mm for pose in poses])
    truth = np.stack([stream_mm(np.asarray(crop.joints_mm, np.float32)) for crop in crops])
    visible = np.stack([crop.visible for crop in crops])
    hidden = np.stack([pose.hidden for pose in poses])
    found, errors = measure(estimate, truth), joint_errors_mm(estimate, truth)
    stated = [pose.spread_mm for pose in poses if pose.spread_mm is not None]
    return CropErrors(
        mpjpe_mm=found.mpjpe_mm,
        pa_mpjpe_mm=found.pa_mpjpe_mm,
        pck150=found.pck150,
        visible_mm=_mean(errors[:, 1:][visible[:, 1:]]),
        hidden_mm=_mean(errors[:, 1:][~visible[:, 1:]]),
        hidden=seen_report(hidden, visible),
        spread=report_of(np.stack(stated).astype(float), errors, visible) if len(stated) == len(poses) else None,
        crops=len(crops),
    )


def as_text(errors: CropErrors) -> str:
    """A line per number."""
    lines = []
    for name, value in errors.as_dict().items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        lines += [f"{name} {part}".ljust(28) + f" {_shown(number)}" for part, number in parts]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(_shown(part) for part in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _mean(errors: Array) -> float:
    return float(errors.mean()) if errors.size else float("nan")
