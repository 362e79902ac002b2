"""Stage 1: train encoder and decoder around the quantiser on poses alone. One script, read top to bottom."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.body.skeleton import H36M17
from engine.model import checkpoint
from engine.model.config import ModelConfig, TokenizerTrainingConfig
from engine.model.tokenizer import Tokenizer
from training.cmu import F32, BoneMotion
from training.crop_poses import CropPoseSampler
from training.ema import Ema
from training.evaluate_tokenizer import TokenizerReport, evaluate_tokenizer, reconstructed_mm, tokenizer_checkpoint
from training.metrics import mpjpe_mm, pa_mpjpe_mm
from training.pose_stream import PoseSampler, held_out_poses
from training.run import (
    Progress,
    RunOptions,
    adamw,
    batches_ahead,
    journal_of,
    mean_of,
    recipe_of,
    schedule_of,
    set_rate,
    share_of,
    start,
    step_count,
    step_generator,
    tell,
    update,
)
from training.snapshot import SNAPSHOT_NAME, RunState, load_snapshot, save_snapshot

log = logging.getLogger(__name__)

CHECKPOINT_NAME = "checkpoint"
WATCHED_FRAMES = 1024
"""Of the held-out frames, evenly spread: enough to follow a run; `di2pose evaluate` takes all."""


class TokenizerTask(nn.Module):
    """The tokenizer with its loss, as one module that Fabric can wrap."""

    def __init__(self, tokenizer: Tokenizer, training: TokenizerTrainingConfig) -> None:
        super().__init__()
        self.tokenizer, self.training_config = tokenizer, training

    def forward(self, joints_mm: Tensor, generator: torch.Generator) -> Tensor:
        """The mean loss in the networks' unit (`scale_mm`); the target is the clean pose whatever was disturbed."""
        scale_mm = self.tokenizer.config.scale_mm
        target = (joints_mm - joints_mm[:, :1]) / scale_mm
        found = self.tokenizer(joints_mm, generator)
        loss = self._distance(found.joints_mm / scale_mm, target)
        if len(found.sketches_mm):
            sketches = found.sketches_mm / scale_mm
            each = [self._distance(sketch, target) for sketch in sketches]
            loss = loss + self.training_config.sketch_loss_weight * torch.stack(each).mean()
        if self.training_config.bone_weight > 0:
            wrong = bone_lengths(found.joints_mm / scale_mm) - bone_lengths(target)
            loss = loss + self.training_config.bone_weight * wrong.abs().mean()
        return loss

    def _distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        if self.training_config.loss == "l1":
            return functional.l1_loss(estimate, target)
        if self.training_config.loss == "smooth_l1":
            return functional.smooth_l1_loss(estimate, target, beta=self.training_config.smooth_l1_beta)
        # The metric itself. The small term keeps the gradient finite at the pelvis, where both are zero.
        return ((estimate - target).square().sum(dim=-1) + 1e-12).sqrt().mean()


def bone_lengths(joints: Tensor) -> Tensor:
    """(batch, joint, 3) -> (batch, bone), in the same unit."""
    parents, children = (list(rows) for rows in zip(*H36M17.bones, strict=True))
    # The small term keeps the gradient finite for a bone of no length.
    return ((joints[:, children] - joints[:, parents]).square().sum(dim=-1) + 1e-12).sqrt()


@dataclass(frozen=True, slots=True)
class TrainedTokenizer:
    """The averaged network and how it does on all held-out frames."""

    tokenizer: Tokenizer
    steps: int
    report: TokenizerReport


def train_tokenizer(
    config: ModelConfig,
    motion: BoneMotion,
    *,
    options: RunOptions,
    command: str = "",
    progress: Progress | None = None,
) -> TrainedTokenizer:
    """Train on the training subjects of `motion`, or continue what `options.out` holds, to the end.

    Leaves `options.out/checkpoint`, whose card quotes `command`. Every process returns the same network.
    SnapshotError or RunError where the run cannot start.
    """
    fabric = start(options)
    plan = config.tokenizer_training.optimiser
    train, watched = motion.part("train"), _watched(motion)
    views: dict[str, type[PoseSampler] | type[CropPoseSampler]] = {"level": PoseSampler, "crops": CropPoseSampler}
    sampler = views[config.tokenizer_training.views](train, options.seed, batch_size=plan.batch)
    steps = step_count(plan, options, frames=len(train))
    schedule, recipe = schedule_of(plan, steps), recipe_of(config, options, steps=steps, stage="tokenizer")

    torch.manual_seed(options.seed)
    tokenizer = Tokenizer(config.tokenizer)
    own = TokenizerTask(tokenizer, config.tokenizer_training).to(fabric.device)
    state = RunState(own, Ema(tokenizer, plan.ema_decay), adamw(own, plan))
    saved = options.out / SNAPSHOT_NAME
    first = load_snapshot(saved, state, recipe=recipe) if saved.is_file() else 0
    task, optimizer = fabric.setup(own, state.optimizer)
    task.train()
    with journal_of(fabric, options, first) as journal:
        for step, batch in enumerate(batches_ahead(sampler.batch, first, steps), start=first):
            set_rate(optimizer, schedule.rate(step))
            loss = task(share_of(fabric, torch.from_numpy(batch)), step_generator(fabric, options.seed, step))
            norm = update(fabric, task, optimizer, loss=loss, plan=plan)
            state.ema.update(tokenizer, step)
            done = step + 1
            if done % options.journal_every == 0 or done == steps:
                mean_mm = mean_of(fabric, loss) * config.tokenizer.scale_mm
                journal.write("train", step, {"loss_mm": mean_mm, "lr": schedule.rate(step), "gradient_norm": norm})
                tell(progress, done, steps, f"loss {mean_mm:.2f} mm")
            if done % options.evaluate_every == 0 or done == steps:
                journal.write("held_out", step, _errors(tokenizer, state.ema, watched))
            if fabric.is_global_zero and (done % options.checkpoint_every == 0 or done == steps):
                save_snapshot(saved, state, step=done, recipe=recipe)
    fabric.barrier()
    tokenizer.load_state_dict(state.ema.weights)
    tokenizer.eval()
    report = evaluate_tokenizer(tokenizer, motion)
    if fabric.is_global_zero:
        finished = tokenizer_checkpoint(
            config, tokenizer, report=report, command=command, seed=options.seed, steps=steps
        )
        checkpoint.write(options.out / CHECKPOINT_NAME, finished)
    return TrainedTokenizer(tokenizer, steps, report)


def _watched(motion: BoneMotion) -> F32:
    poses = held_out_poses(motion)
    return poses[:: max(1, len(poses) // WATCHED_FRAMES)]


def _errors(tokenizer: Tokenizer, ema: Ema, poses_mm: F32) -> dict[str, float]:
    tokenizer.eval()
    with ema.applied_to(tokenizer):
        found = reconstructed_mm(tokenizer, poses_mm)
    tokenizer.train()
    return {"mpjpe_mm": mpjpe_mm(found, poses_mm), "pa_mpjpe_mm": pa_mpjpe_mm(found, poses_mm)}
