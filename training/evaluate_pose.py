"""How well a whole model finds poses from their condition: `di2pose evaluate pose`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.model import checkpoint
from engine.model.di2pose import Di2Pose, build_di2pose
from training.conditioned import conditioned
from training.denoiser_task import TRAINED_PARTS
from training.metrics import PoseErrors, centred, joint_errors_mm, measure
from training.projection import ProjectionRange
from training.protocols import PaperRow, PoseTest
from training.train_denoiser import sampled_mm


@dataclass(frozen=True, slots=True)
class PoseReport:
    """Errors of the mean of the hypotheses, and of the best one where there are several."""

    protocol: str
    hidden_joints: int
    hypotheses: int
    errors: PoseErrors
    best_mpjpe_mm: float
    joint_names: tuple[str, ...]
    paper: PaperRow | None


def load_model(name_or_path: str) -> Di2Pose:
    """A checkpoint with all parts; CheckpointError names the part that is missing."""
    stored = checkpoint.read(name_or_path)
    model = build_di2pose(stored.config)
    for part in ("tokenizer", *TRAINED_PARTS):
        checkpoint.load_state(part, getattr(model, part), stored.part(part))
    return model.eval()


def evaluate_pose(model: Di2Pose, test: PoseTest, *, hidden: int = 0, hypotheses: int = 1, seed: int = 0) -> PoseReport:
    """Project every pose of `test` with `hidden` joints left out, estimate it, and measure the joints that count."""
    plan = ProjectionRange(hidden=(hidden, hidden))
    data = conditioned(test.joints_mm, np.random.default_rng([seed, hidden]), plan=plan)
    drawn = sampled_mm(model, data, seed=seed, hypotheses=hypotheses)
    estimate = centred(drawn.mean(axis=1))[:, test.rows]
    truth = centred(test.joints_mm)[:, test.rows]
    each = joint_errors_mm(centred(drawn)[:, :, test.rows], np.repeat(truth[:, None], hypotheses, axis=1))
    return PoseReport(
        protocol=test.name,
        hidden_joints=hidden,
        hypotheses=hypotheses,
        errors=measure(estimate, truth, actions=test.actions),
        best_mpjpe_mm=float(each.mean(axis=-1).min(axis=1).mean()),
        joint_names=test.joint_names,
        paper=test.paper,
    )


def as_dict(report: PoseReport) -> dict[str, Any]:
    """For JSON: numbers by name."""
    errors = report.errors
    return {
        "protocol": report.protocol,
        "condition": f"projected 2D joints, {report.hidden_joints} hidden",
        "hypotheses": report.hypotheses,
        "frames": errors.frames,
        "mpjpe_mm": errors.mpjpe_mm,
        "action_mean_mpjpe_mm": errors.action_mean_mm,
        "pa_mpjpe_mm": errors.pa_mpjpe_mm,
        "best_hypothesis_mpjpe_mm": report.best_mpjpe_mm,
        "pck150": errors.pck150,
        "auc": errors.auc,
        "per_joint_mm": dict(zip(report.joint_names, errors.per_joint_mm.tolist(), strict=True)),
        "per_action_mm": errors.per_action_mm,
        "per_action_pa_mm": errors.per_action_pa_mm,
        "paper": None
        if report.paper is None
        else {"mpjpe_mm": report.paper.mpjpe_mm, "pa_mpjpe_mm": report.paper.pa_mpjpe_mm},
    }


def as_markdown(report: PoseReport) -> str:
    """Tables; the paper's numbers stand beside ours only where they come from the same data (its input is images)."""
    errors, paper = report.errors, report.paper
    lines = [
        f"## {report.protocol}",
        "",
        f"{errors.frames} frames, projected 2D joints with {report.hidden_joints} hidden, "
        f"{report.hypotheses} hypotheses (mean; best one {report.best_mpjpe_mm:.1f} mm).",
        "",
        "| | MPJPE mm | mean of actions mm | PA-MPJPE mm | PCK@150 | AUC |",
        "|---|---|---|---|---|---|",
        f"| ours, from 2D joints | {errors.mpjpe_mm:.1f} | {errors.action_mean_mm:.1f} | {errors.pa_mpjpe_mm:.1f} "
        f"| {100 * errors.pck150:.1f} % | {100 * errors.auc:.1f} % |",
    ]
    if paper is not None:
        lines.append(
            f"| Di2Pose (paper), from images | {paper.mpjpe_mm} | {paper.mpjpe_mm} | {paper.pa_mpjpe_mm} | | |"
        )
    lines += ["", "| action | MPJPE mm | PA-MPJPE mm | paper MPJPE mm |", "|---|---|---|---|"]
    published = paper.per_action_mm if paper else {}
    for action, error_mm in errors.per_action_mm.items():
        lines.append(
            f"| {action} | {error_mm:.1f} | {errors.per_action_pa_mm[action]:.1f} | {published.get(action, '')} |"
        )
    lines += ["", "| joint | MPJPE mm |", "|---|---|"]
    named = zip(report.joint_names, errors.per_joint_mm, strict=True)
    return "\n".join([*lines, *(f"| {name} | {error_mm:.1f} |" for name, error_mm in named)]) + "\n"
