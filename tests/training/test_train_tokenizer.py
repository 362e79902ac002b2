"""Laws of a training run: it continues bit for bit, survives a kill, and two processes learn what one learns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_config, tiny_motion, tiny_options

import training.train_tokenizer as stage1
from engine.model import checkpoint
from training.evaluate_tokenizer import shipped_tokenizer
from training.journal import JOURNAL_NAME, read_journal
from training.run import RunError, RunOptions, share_of
from training.snapshot import SNAPSHOT_NAME, SnapshotError
from training.train_tokenizer import CHECKPOINT_NAME, train_tokenizer


class StoppedError(Exception):
    pass


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the run fail in the middle of a step, after others have been saved."""
    real = stage1.update

    def failing(*args: object, **kwargs: object) -> float:
        if failing.left == 0:  # type: ignore[attr-defined]
            raise StoppedError
        failing.left -= 1  # type: ignore[attr-defined]
        return real(*args, **kwargs)  # type: ignore[arg-type]

    failing.left = step  # type: ignore[attr-defined]
    monkeypatch.setattr(stage1, "update", failing)


@pytest.mark.parametrize("layout", ["pose", "joints"])
def test_a_run_that_was_cut_ends_bit_for_bit_like_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    config, motion = tiny_config(layout=layout), tiny_motion()
    whole = train_tokenizer(config, motion, options=tiny_options(tmp_path / "whole", steps=9))
    cut = tiny_options(tmp_path / "cut", steps=9)
    with monkeypatch.context() as patch:
        stop_at(5, patch)
        with pytest.raises(StoppedError):
            train_tokenizer(config, motion, options=cut)
    resumed = train_tokenizer(config, motion, options=cut)
    for name, value in whole.tokenizer.state_dict().items():
        assert torch.equal(value, resumed.tokenizer.state_dict()[name]), name
    journals = [read_journal(tmp_path / name / JOURNAL_NAME) for name in ("whole", "cut")]
    assert journals[0] == journals[1]


def test_training_makes_the_error_smaller_and_leaves_a_checkpoint_with_its_card(tmp_path: Path) -> None:
    config = tiny_config(corrupt=0.0)
    options = replace(tiny_options(tmp_path, steps=150), checkpoint_every=100)
    trained = train_tokenizer(config, tiny_motion(), options=options, command="di2pose train tokenizer")
    held_out = [entry["mpjpe_mm"] for entry in read_journal(tmp_path / JOURNAL_NAME) if entry["kind"] == "held_out"]
    assert held_out[-1] < 0.5 * held_out[0]
    card = checkpoint.read(tmp_path / CHECKPOINT_NAME).card
    assert card["command"] == "di2pose train tokenizer" and card["seed"] == 5 and card["steps"] == 150
    assert card["held_out"]["mpjpe_mm"] == pytest.approx(trained.report.mpjpe_mm, abs=1e-3)
    _, again = shipped_tokenizer(str(tmp_path / CHECKPOINT_NAME))
    poses = torch.randn(4, 17, 3) * 200
    assert torch.equal(again.decode(again.encode(poses)), trained.tokenizer.decode(trained.tokenizer.encode(poses)))


def test_another_recipe_does_not_continue_a_run(tmp_path: Path) -> None:
    options = tiny_options(tmp_path, steps=2)
    train_tokenizer(tiny_config(), tiny_motion(), options=options)
    with pytest.raises(SnapshotError, match=r"seed = 5, not 6; use another --out"):
        train_tokenizer(tiny_config(), tiny_motion(), options=replace(options, seed=6))


def test_a_damaged_state_is_refused_with_a_cure(tmp_path: Path) -> None:
    options = tiny_options(tmp_path, steps=2)
    train_tokenizer(tiny_config(), tiny_motion(), options=options)
    saved = tmp_path / SNAPSHOT_NAME
    saved.write_bytes(saved.read_bytes()[:100])
    with pytest.raises(SnapshotError, match=rf"{SNAPSHOT_NAME}: not a training state .*delete it"):
        train_tokenizer(tiny_config(), tiny_motion(), options=options)


def tiny_process(repo_root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    script = repo_root / "tests" / "support" / "tiny_training.py"
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    return subprocess.Popen([sys.executable, str(script), *arguments], cwd=repo_root, env=environment)


def test_a_kill_at_any_moment_leaves_a_state_to_continue_from(tmp_path: Path, repo_root: Path) -> None:
    saved = tmp_path / SNAPSHOT_NAME
    for delay_s in (0.0, 0.013, 0.037):
        process = tiny_process(repo_root, "--out", str(tmp_path), "--steps", "100000")
        try:
            before = saved.stat().st_mtime_ns if saved.is_file() else 0
            wait_until(lambda before=before: saved.is_file() and saved.stat().st_mtime_ns > before, process)
            time.sleep(delay_s)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    steps = [entry["step"] for entry in read_journal(tmp_path / JOURNAL_NAME)]
    assert steps == sorted(steps)
    state, first = loaded(saved)
    assert first > 2 and all(value.isfinite().all() for value in state.values())


def loaded(saved: Path) -> tuple[dict[str, torch.Tensor], int]:
    from safetensors import safe_open

    with safe_open(str(saved), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, int(file.metadata()["step"])  # noqa: SIM118


def wait_until(ready: object, process: subprocess.Popen[bytes], timeout_s: float = 250.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():  # type: ignore[operator]
        assert process.poll() is None, "the run ended by itself"
        assert time.monotonic() < deadline, "the run saved nothing"
        time.sleep(0.005)


def test_two_processes_learn_what_one_learns(tmp_path: Path, repo_root: Path) -> None:
    """Fabric starts the second process itself; gradients are averaged over gloo."""
    for devices in (1, 2):
        arguments = ["--out", str(tmp_path / str(devices)), "--steps", "4", "--corrupt", "0", "--devices", str(devices)]
        assert tiny_process(repo_root, *arguments).wait(timeout=240) == 0
    losses = [
        [entry["loss_mm"] for entry in read_journal(tmp_path / devices / JOURNAL_NAME) if entry["kind"] == "train"]
        for devices in "12"
    ]
    assert len(losses[0]) == 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    options = tiny_options(tmp_path, steps=2)
    train_tokenizer(tiny_config(), tiny_motion(), options=options)
    saved = tmp_path / SNAPSHOT_NAME
    save_file(load_file(saved), saved, {"format_version": "99", "step": "2", "recipe": "{}"})
    with pytest.raises(SnapshotError, match=r"format '99', this version reads 1; continue with the version"):
        train_tokenizer(tiny_config(), tiny_motion(), options=options)


def test_mixed_precision_learns_about_the_same(tmp_path: Path) -> None:
    losses = []
    for precision in ("32-true", "bf16-mixed"):
        options = replace(tiny_options(tmp_path / precision, steps=6), precision=precision)
        trained = train_tokenizer(tiny_config(), tiny_motion(), options=options)
        losses.append([entry["loss_mm"] for entry in read_journal(options.out / JOURNAL_NAME) if "loss_mm" in entry])
        assert all(value.dtype == torch.float32 for value in trained.tokenizer.parameters())
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    class ThreeProcesses:
        world_size, global_rank = 3, 0

    with pytest.raises(RunError, match="batch of 8 cannot be shared by 3 processes; change the batch size"):
        share_of(ThreeProcesses(), torch.zeros(8, 17, 3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings,cause", [({"precision": "8-bit"}, "'8-bit'"), ({"steps": 0}, "steps"), ({"devices": 0}, "devices")]
)
def test_impossible_options_are_refused(tmp_path: Path, settings: dict[str, object], cause: str) -> None:
    with pytest.raises(RunError, match=cause):
        RunOptions(tmp_path, **settings)  # type: ignore[arg-type]


def test_crops_are_other_views_than_level_ones(tmp_path: Path) -> None:
    level = tiny_config()
    crops = replace(level, tokenizer_training=replace(level.tokenizer_training, views="crops"))
    weights = [
        train_tokenizer(config, tiny_motion(), options=tiny_options(tmp_path / name, steps=2)).tokenizer.state_dict()
        for name, config in (("level", level), ("crops", crops))
    ]
    assert any(not torch.equal(value, weights[1][name]) for name, value in weights[0].items())
