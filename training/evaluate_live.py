"""How well poses of encoded crops fit the truth: the live model's, and BlazePose's own world landmarks beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33, LOW_HIPS
from engine.runtime.live_numbers import WORLD
from training.live_data import LiveBatch
from training.live_rows import LiveRows
from training.live_task import LiveTask
from training.metrics import centred, joint_errors_mm, measure, pck, procrustes
from training.simulated_landmarks import LIMB_JOINTS

F32 = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LiveErrors:
    """Millimetres and shares, pelvis-centred. Limbs: shoulders, elbows, wrists, hips, knees, ankles."""

    mpjpe_mm: float
    pa_mpjpe_mm: float
    pck150: float
    limbs_mpjpe_mm: float
    limbs_pa_mpjpe_mm: float
    limbs_pck150: float
    limbs_visible_mm: float
    """Mean error of the limb joints that are seen; nan where there are none."""
    limbs_hidden_mm: float
    crops: int

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def errors_of(estimate_mm: F32, rows: LiveRows) -> LiveErrors:
    """(n, 17, 3) estimates of the stream's joints, in virtual axes, against the truth of the rows."""
    estimate, truth = centred(estimate_mm), stream_mm(rows.joints_mm)
    all_joints = measure(estimate, truth)
    limbs, limbs_truth = estimate[:, LIMB_JOINTS], truth[:, LIMB_JOINTS]
    errors, seen = joint_errors_mm(limbs, limbs_truth), rows.visible[:, LIMB_JOINTS] > 0
    return LiveErrors(
        mpjpe_mm=all_joints.mpjpe_mm,
        pa_mpjpe_mm=all_joints.pa_mpjpe_mm,
        pck150=all_joints.pck150,
        limbs_mpjpe_mm=float(errors.mean()),
        limbs_pa_mpjpe_mm=float(joint_errors_mm(procrustes(limbs, limbs_truth), limbs_truth).mean()),
        limbs_pck150=pck(errors),
        limbs_visible_mm=_mean(errors[seen]),
        limbs_hidden_mm=_mean(errors[~seen]),
        crops=len(rows),
    )


def blazepose_mm(rows: LiveRows) -> F32:
    """(n, 17, 3) what BlazePose's world landmarks say. They are taken to be in the crop's virtual axes, which is the
    reading that flatters them most: the product turns them by the crop's angle only."""
    found = H36M17_FROM_BLAZEPOSE33 @ rows.points[..., WORLD] * 1000
    return (found - found[:, :1]).astype(np.float32)


@torch.no_grad()
def poses_mm(task: LiveTask, batch: LiveBatch, *, size: int = 256) -> F32:
    """(n, 17, 3) the stream's joints by one pass each; the task is left in the mode it had."""
    device, was_training = next(task.parameters()).device, task.training
    task.eval()
    parts = [
        task.pose_mm(batch.crops.rows(row, row + size).to(device)).cpu().numpy() for row in range(0, len(batch), size)
    ]
    task.train(was_training)
    return stream_mm(np.concatenate(parts))


def stream_mm(joints_mm: F32) -> F32:
    """(n, 17, 3) Human3.6M's joints -> those of the pose stream, whose hips are where pictures have them."""
    moved: F32 = (LOW_HIPS @ joints_mm).astype(np.float32)
    return moved


def table(named: Mapping[str, LiveErrors]) -> str:
    """Markdown, a line per method."""
    heads = (
        "MPJPE", "PA", "PCK@150 %", "limbs MPJPE", "limbs PA", "limbs PCK@150 %", "limbs visible", "limbs hidden",
    )  # fmt: skip
    lines = [f"| | {' | '.join(heads)} | crops |", "|" + "---|" * (len(heads) + 2)]
    for name, found in named.items():
        cells = [
            f"{found.mpjpe_mm:.1f}", f"{found.pa_mpjpe_mm:.1f}", f"{100 * found.pck150:.1f}",
            f"{found.limbs_mpjpe_mm:.1f}", f"{found.limbs_pa_mpjpe_mm:.1f}", f"{100 * found.limbs_pck150:.1f}",
            f"{found.limbs_visible_mm:.1f}", f"{found.limbs_hidden_mm:.1f}",
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} | {found.crops} |")
    return "\n".join(lines)


def _mean(errors: Array) -> float:
    return float(errors.mean()) if errors.size else float("nan")
