"""Stage 2: train the denoiser on the tokens of a frozen tokenizer. One script, read top to bottom.

The condition is projected 2D joints with noise and hidden ones, until images come.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch
from lightning.fabric import Fabric

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.config import ModelConfig
from engine.model.di2pose import Di2Pose
from training.cmu import BoneMotion
from training.conditioned import Conditioned, ConditionedSampler, held_out
from training.denoiser_task import TRAINED_PARTS, DenoiserTask
from training.ema import Ema
from training.evaluate_tokenizer import DATA, LICENCE, shipped_tokenizer
from training.metrics import mpjpe_mm
from training.run import (
    Progress,
    RunError,
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
from training.train_tokenizer import CHECKPOINT_NAME

log = logging.getLogger(__name__)

WATCHED_EVERY = 64
"""Every so many held-out frames are sampled while a run is watched."""


@dataclass(frozen=True, slots=True)
class TrainedDenoiser:
    """The averaged network and how it does on watched held-out frames without hidden joints."""

    model: Di2Pose
    steps: int
    mpjpe_mm: float


def train_denoiser(
    config: ModelConfig,
    motion: BoneMotion,
    *,
    tokenizer: str,
    options: RunOptions,
    command: str = "",
    progress: Progress | None = None,
) -> TrainedDenoiser:
    """Train on the training subjects of `motion`, or continue what `options.out` holds, to the end.

    `tokenizer` is a shipped name or a checkpoint directory of stage 1. Leaves `options.out/checkpoint` with all parts.
    CheckpointError, SnapshotError or RunError where the run cannot start.
    """
    fabric = start(options)
    config, frozen = _with_tokenizer(config, tokenizer)
    plan = config.denoiser_training.optimiser
    train, watched = motion.part("train"), held_out(motion, hidden=0, every=WATCHED_EVERY)
    sampler = ConditionedSampler(train, options.seed, batch_size=plan.batch)
    steps = step_count(plan, options, frames=len(train))
    schedule, recipe = schedule_of(plan, steps), recipe_of(config, options, steps=steps, stage="denoiser")

    torch.manual_seed(options.seed)
    own = DenoiserTask(config, frozen).to(fabric.device)
    state = RunState(own, Ema(own.trained, plan.ema_decay), adamw(own.trained, plan))
    saved = options.out / SNAPSHOT_NAME
    first = load_snapshot(saved, state, recipe=recipe) if saved.is_file() else 0
    task, optimizer = fabric.setup(own, state.optimizer)
    task.train()
    with journal_of(fabric, options, first) as journal:
        for step, batch in enumerate(batches_ahead(sampler.batch, first, steps), start=first):
            set_rate(optimizer, schedule.rate(step))
            loss = task(*_tensors(fabric, batch), step_generator(fabric, options.seed, step))
            norm = update(fabric, task, optimizer, loss=loss, plan=plan)
            state.ema.update(own.trained, step)
            done = step + 1
            if done % options.journal_every == 0 or done == steps:
                mean = mean_of(fabric, loss)
                journal.write("train", step, {"loss": mean, "lr": schedule.rate(step), "gradient_norm": norm})
                tell(progress, done, steps, f"loss {mean:.3f}")
            if done % options.evaluate_every == 0 or done == steps:
                journal.write("held_out", step, {"mpjpe_mm": _watched_error_mm(own, state.ema, watched)})
            if fabric.is_global_zero and (done % options.checkpoint_every == 0 or done == steps):
                save_snapshot(saved, state, step=done, recipe=recipe)
    fabric.barrier()
    error_mm = _watched_error_mm(own, state.ema, watched)
    own.trained.load_state_dict(state.ema.weights)
    if fabric.is_global_zero:
        facts = {"command": command, "seed": options.seed, "steps": steps, "held_out_mpjpe_mm": round(error_mm, 2)}
        checkpoint.write(options.out / CHECKPOINT_NAME, _finished(config, own.model, facts))
    return TrainedDenoiser(own.model.eval(), steps, error_mm)


@torch.no_grad()
def sampled_mm(model: Di2Pose, data: Conditioned, *, seed: int = 0, hypotheses: int = 1, batch: int = 64) -> Any:
    """(n, hypothesis, 17, 3) numpy poses drawn with the model's configured sampler."""
    device = next(model.parameters()).device
    generator = torch.Generator(device=device).manual_seed(seed)
    parts = []
    for row in range(0, len(data), batch):
        part = data.rows(row, row + batch).to(device)
        condition = model.joint_condition(part.joints_2d, part.visible)
        parts.append(model.sample(condition, generator=generator, hypotheses=hypotheses).cpu())
    return torch.cat(parts).numpy()


def _with_tokenizer(config: ModelConfig, name_or_path: str) -> tuple[ModelConfig, Any]:
    """The configuration with the tokenizer that is really used; RunError where it speaks another alphabet, or where
    the configuration is one of crops."""
    if config.condition.kind != "joints":
        raise RunError(
            f"configuration {config.name} has condition.kind {config.condition.kind!r}, here 2D joints are the "
            "condition; use `di2pose train live`, or kind 'joints'"
        )
    stored, tokenizer = shipped_tokenizer(name_or_path)
    wanted, found = config.tokenizer, stored.tokenizer
    if (wanted.tokens, wanted.levels) != (found.tokens, found.levels):
        raise RunError(
            f"tokenizer {name_or_path} has {found.tokens} tokens of levels {list(found.levels)}, configuration "
            f"{config.name} needs {wanted.tokens} of {list(wanted.levels)}; give --tokenizer one that fits"
        )
    return replace(config, tokenizer=found), tokenizer


def _tensors(fabric: Fabric, batch: Conditioned) -> tuple[torch.Tensor, ...]:
    return tuple(share_of(fabric, part) for part in (batch.joints_mm, batch.joints_2d, batch.visible))


def _watched_error_mm(task: DenoiserTask, ema: Ema, watched: Conditioned) -> float:
    was_training = task.training
    task.eval()
    with ema.applied_to(task.trained):
        found = sampled_mm(task.model, watched)[:, 0]
    task.train(was_training)
    return mpjpe_mm(found, watched.joints_mm.numpy())


def _finished(config: ModelConfig, model: Di2Pose, facts: dict[str, Any]) -> Checkpoint:
    parts = {name: getattr(model, name).state_dict() for name in ("tokenizer", *TRAINED_PARTS)}
    tensors = {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}
    return Checkpoint(config, tensors, {"data": DATA, "licence": LICENCE, **facts})
