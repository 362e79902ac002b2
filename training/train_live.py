"""Stage 2 of the live model: train the denoiser on encoded crops. One script, read top to bottom."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.config import ModelConfig
from engine.model.live_condition import LiveInput
from engine.model.tokenizer import Tokenizer
from training.cmu import BoneMotion
from training.ema import Ema
from training.evaluate_live import LiveErrors, blazepose_mm, errors_of, poses_mm
from training.evaluate_tokenizer import shipped_tokenizer
from training.live_batches import AsBatch, LiveSampler, measured_rows
from training.live_data import EncodedSet, LiveBatch
from training.live_rows import LiveRows
from training.live_task import LiveTask, build_task, state_of
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

LIVE_CONDITION = "live_condition"
DATA = "synthetic people (CMU motion, rigged avatars, panoramas), read by the frozen heavy BlazePose landmark network"
LICENCE = "Apache-2.0; docs/data.md names the licences of what the pictures were made from"


@dataclass(frozen=True, slots=True)
class LiveData:
    """What a run learns from and is watched on."""

    train: EncodedSet
    held_out: EncodedSet
    motion: BoneMotion | None = None
    """For simulated rows; None where the configuration has none."""
    as_batch: AsBatch = LiveBatch.of
    """What is known of a crop; the ladder hides some of it."""


@dataclass(frozen=True, slots=True)
class TrainedLive:
    """The averaged network on all held-out crops, and BlazePose on the same."""

    task: LiveTask
    steps: int
    errors: LiveErrors
    blazepose: LiveErrors


def train_live(
    config: ModelConfig,
    data: LiveData,
    *,
    tokenizer: str,
    options: RunOptions,
    method: str = "di2pose",
    init: str | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> TrainedLive:
    """Train on `data.train`, or continue what `options.out` holds, to the end; leaves `options.out/checkpoint`.

    `tokenizer` is a shipped name or a checkpoint directory of stage 1, `init` a checkpoint of an earlier run, of any
    method, whose weights and constants this one starts from as far as both have the same parts. CheckpointError,
    SnapshotError, ConfigError or RunError where the run cannot start.
    """
    fabric = start(options)
    config, frozen = _prepared(config, data, tokenizer=tokenizer, method=method)
    plan = config.denoiser_training.optimiser
    sampler = LiveSampler(data.train, data.motion, config.denoiser_training, seed=options.seed, as_batch=data.as_batch)
    steps = step_count(plan, options, frames=len(data.train))
    schedule = schedule_of(plan, steps)
    made_of = [recipe.as_json() for recipe in data.train.recipes]
    recipe = recipe_of(config, options, steps=steps, stage="live", method=method, encoded=str(made_of), init=init or "")

    torch.manual_seed(options.seed)
    own = build_task(method, config, frozen)
    if init is None:
        own.measure(LiveBatch.of(measured_rows(data.train)).crops)
    else:
        _start_from(own, init)
    own = own.to(fabric.device)
    state = RunState(own, Ema(own.trained, plan.ema_decay), adamw(own.trained, plan))
    saved = options.out / SNAPSHOT_NAME
    first = load_snapshot(saved, state, recipe=recipe) if saved.is_file() else 0
    task, optimizer = fabric.setup(own, state.optimizer)
    task.train()
    watched = data.held_out.all()
    with journal_of(fabric, options, first) as journal:
        for step, batch in enumerate(batches_ahead(sampler.batch, first, steps), start=first):
            set_rate(optimizer, schedule.rate(step))
            loss = task(_share(fabric, batch), step_generator(fabric, options.seed, step))
            norm = update(fabric, task, optimizer, loss=loss, plan=plan)
            state.ema.update(own.trained, step)
            done = step + 1
            if done % options.journal_every == 0 or done == steps:
                mean = mean_of(fabric, loss)
                journal.write("train", step, {"loss": mean, "lr": schedule.rate(step), "gradient_norm": norm})
                tell(progress, done, steps, f"loss {mean:.3f}")
            if done % options.evaluate_every == 0 or done == steps:
                journal.write("held_out", step, _errors(own, state.ema, watched, data.as_batch).as_dict())
            if fabric.is_global_zero and (done % options.checkpoint_every == 0 or done == steps):
                save_snapshot(saved, state, step=done, recipe=recipe)
    fabric.barrier()
    found = TrainedLive(
        own,
        steps,
        _errors(own, state.ema, watched, data.as_batch),
        errors_of(blazepose_mm(watched), watched),
    )
    own.trained.load_state_dict(state.ema.weights)
    if fabric.is_global_zero:
        facts = {"command": command, "seed": options.seed, "steps": steps, "method": method, "crops": len(data.train)}
        checkpoint.write(options.out / CHECKPOINT_NAME, _finished(config, found, frozen, facts))
    own.eval()
    return found


def load_live(name_or_path: str | Path) -> tuple[ModelConfig, LiveTask]:
    """A trained model, by whatever method, in evaluation mode. CheckpointError where it is none."""
    stored = checkpoint.read(name_or_path)
    frozen = Tokenizer(stored.config.tokenizer)
    checkpoint.load_state("tokenizer", frozen, stored.part("tokenizer"))
    task = build_task(str(stored.card.get("method", "di2pose")), stored.config, frozen)
    for name in task.parts:
        checkpoint.load_state(name, task.part(name), stored.part(name))
    task.eval()
    return stored.config, task


def _prepared(config: ModelConfig, data: LiveData, *, tokenizer: str, method: str) -> tuple[ModelConfig, Tokenizer]:
    """The configuration as it is really used; RunError where it does not fit the tokenizer or the data."""
    stored, frozen = shipped_tokenizer(tokenizer)
    wanted, found = config.tokenizer, stored.tokenizer
    if (wanted.tokens, wanted.levels) != (found.tokens, found.levels):
        raise RunError(
            f"tokenizer {tokenizer} has {found.tokens} tokens of levels {list(found.levels)}, configuration "
            f"{config.name} needs {wanted.tokens} of {list(wanted.levels)}; give --tokenizer one that fits"
        )
    if data.train.split != "train" or data.held_out.split != "test":
        raise RunError(
            f"crops to learn from are of split {data.train.split}, held-out ones of {data.held_out.split}; "
            "give sets of split train and test, which share no person"
        )
    if config.denoiser_training.simulated_share and data.motion is None:
        raise RunError("simulated_share is above 0 and needs motion; give --data, or set it to 0")
    training = config.denoiser_training
    if method == "classifier":
        training = replace(training, one_pass_share=1.0)
    return replace(config, tokenizer=found, denoiser_training=training), frozen


def _start_from(task: LiveTask, init: str) -> None:
    stored = checkpoint.read(init)
    if LIVE_CONDITION not in stored.card["parts"]:
        found = ", ".join(stored.card["parts"])
        raise RunError(f"--init {init} holds {found} and no {LIVE_CONDITION}; give a checkpoint of `train live`")
    for name in task.parts:
        if name in stored.card["parts"]:
            checkpoint.load_state(name, task.part(name), stored.part(name))


def _share(fabric: Fabric, batch: LiveBatch) -> LiveBatch:
    numbers = {entry.name: share_of(fabric, getattr(batch.crops, entry.name)) for entry in fields(LiveInput)}
    return LiveBatch(LiveInput(**numbers), share_of(fabric, batch.joints_mm))


def _errors(task: LiveTask, ema: Ema, rows: LiveRows, as_batch: AsBatch) -> LiveErrors:
    with ema.applied_to(task.trained):
        return errors_of(poses_mm(task, as_batch(rows)), rows)


def _finished(config: ModelConfig, found: TrainedLive, frozen: Tokenizer, facts: dict[str, Any]) -> Checkpoint:
    tensors = {f"tokenizer.{name}": value for name, value in frozen.state_dict().items()} | state_of(found.task)
    card = {"data": DATA, "licence": LICENCE, "held_out": found.errors.as_dict(),
            "held_out_blazepose": found.blazepose.as_dict()}  # fmt: skip
    return Checkpoint(config, tensors, {**card, **facts})
