"""Stage 2: it learns, continues bit for bit, and leaves a checkpoint with all parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_training import tiny_config, tiny_motion, tiny_options

from engine.model import checkpoint
from engine.model.config import DenoiserTrainingConfig, DiffusionConfig, ModelConfig, SamplingConfig
from engine.model.di2pose import build_tokenizer
from training.conditioned import ConditionedSampler, held_out
from training.denoiser_task import DenoiserTask
from training.evaluate_tokenizer import TokenizerReport, tokenizer_checkpoint
from training.journal import JOURNAL_NAME, read_journal
from training.run import RunError
from training.snapshot import SNAPSHOT_NAME
from training.train_denoiser import train_denoiser
from training.train_tokenizer import CHECKPOINT_NAME


def small(**options: object) -> ModelConfig:
    config = replace(tiny_config(), diffusion=DiffusionConfig(steps=8), sampling=SamplingConfig(steps=8))
    plan = config.denoiser_training.optimiser
    return replace(config, denoiser_training=DenoiserTrainingConfig(plan, **options))  # type: ignore[arg-type]


@pytest.fixture
def tokenizer_dir(tmp_path: Path) -> str:
    torch.manual_seed(0)
    report = TokenizerReport(1.0, 1.0, 1.0, 1.0, 6, 15, 1)
    stored = tokenizer_checkpoint(small(), build_tokenizer(small()), report=report, command="", seed=0, steps=1)
    checkpoint.write(tmp_path / "stage1", stored)
    return str(tmp_path / "stage1")


def test_a_resumed_run_ends_bit_for_bit_like_an_uncut_one(tmp_path: Path, tokenizer_dir: str) -> None:
    """The cut run is one whose state was saved at step 4 of 6: the same recipe with its later part undone."""
    config = small(importance_sampled_steps=True, joint_loss_weight=0.5)
    options = replace(tiny_options(tmp_path / "run", steps=6), checkpoint_every=4)
    whole = train_denoiser(config, tiny_motion(), tokenizer=tokenizer_dir, options=options)
    state = load_file(tmp_path / "run" / SNAPSHOT_NAME)
    kept = {}

    def keep(done: int, steps: int, text: str) -> None:
        if done == 5:
            kept["state"] = (tmp_path / "again" / SNAPSHOT_NAME).read_bytes()

    again = replace(options, out=tmp_path / "again")
    train_denoiser(config, tiny_motion(), tokenizer=tokenizer_dir, options=again, progress=keep)
    (tmp_path / "again" / SNAPSHOT_NAME).write_bytes(kept["state"])
    resumed = train_denoiser(config, tiny_motion(), tokenizer=tokenizer_dir, options=again)
    found = load_file(tmp_path / "again" / SNAPSHOT_NAME)
    assert found.keys() == state.keys() and all(torch.equal(value, state[name]) for name, value in found.items())
    assert resumed.mpjpe_mm == whole.mpjpe_mm


def test_the_loss_falls_and_the_checkpoint_has_all_parts(tmp_path: Path, tokenizer_dir: str) -> None:
    options = replace(tiny_options(tmp_path / "run", steps=120), checkpoint_every=100, evaluate_every=100)
    trained = train_denoiser(small(), tiny_motion(), tokenizer=tokenizer_dir, options=options, command="typed")
    losses = [entry["loss"] for entry in read_journal(tmp_path / "run" / JOURNAL_NAME) if entry["kind"] == "train"]
    assert np.mean(losses[-30:]) < np.mean(losses[:30])
    stored = checkpoint.read(tmp_path / "run" / CHECKPOINT_NAME)
    for part in ("tokenizer", "denoiser", "joint_condition"):
        checkpoint.load_state(part, getattr(trained.model, part), stored.part(part))
    assert stored.card["command"] == "typed"


def test_a_tokenizer_of_another_alphabet_is_refused(tmp_path: Path, tokenizer_dir: str) -> None:
    config = replace(small(), tokenizer=replace(small().tokenizer, tokens=8))
    with pytest.raises(RunError, match=r"6 tokens of levels \[5, 3\], configuration tiny needs 8 .*--tokenizer"):
        train_denoiser(config, tiny_motion(), tokenizer=tokenizer_dir, options=tiny_options(tmp_path / "run", steps=2))


def test_importance_sampling_leaves_the_expected_loss_as_it_is() -> None:
    """Mean of weight * f(step) over many draws is the plain mean of f, whatever the history says."""
    task = DenoiserTask(small(importance_sampled_steps=True), build_tokenizer(small()))
    task.seen.fill_(100)
    task.squared_loss.copy_(torch.rand(8) ** 2)
    step, weight = task.draw_steps(200_000, torch.Generator().manual_seed(0))
    value = torch.arange(1.0, 9.0) ** 2
    assert float((weight * value[step - 1]).mean()) == pytest.approx(float(value.mean()), rel=0.03)
    assert len(set(torch.bincount(step - 1, minlength=8).tolist())) > 1
    task.seen[3] = 0
    step, weight = task.draw_steps(1000, torch.Generator().manual_seed(0))
    assert bool((weight == 1).all()) and int(step.min()) == 1 and int(step.max()) == 8


def test_the_frozen_tokenizer_gets_no_gradient_and_stays_undisturbed() -> None:
    torch.manual_seed(0)
    task = DenoiserTask(small(joint_loss_weight=1.0), build_tokenizer(small())).train()
    batch = ConditionedSampler(tiny_motion().part("train"), 0, batch_size=4).batch(0)
    task(batch.joints_mm, batch.joints_2d, batch.visible, torch.Generator().manual_seed(0)).backward()
    assert all(weight.grad is None for weight in task.model.tokenizer.parameters())
    assert all(weight.grad is not None for weight in task.trained.parameters())
    assert not task.model.tokenizer.training


def test_held_out_conditions_hide_exactly_as_many_joints_as_asked() -> None:
    for hidden in (0, 4, 8):
        data = held_out(tiny_motion(), hidden=hidden, every=2)
        assert bool((data.visible.sum(dim=1) == 17 - hidden).all())
        assert bool((data.joints_2d[~data.visible] == 0).all())
    assert torch.equal(held_out(tiny_motion(), hidden=4).joints_2d, held_out(tiny_motion(), hidden=4).joints_2d)
