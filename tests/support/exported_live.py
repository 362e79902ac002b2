"""A finished live model of a few channels, and its ONNX graph."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from tiny_live import tiny_live

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.config import ModelConfig, SamplingConfig
from engine.model.di2pose import build_live_di2pose
from engine.model.seen import SeenHead
from engine.model.spread import SpreadHead


def stored(directory: Path, *, sampler: str = "purity", finished: bool = True) -> Path:
    """A finished live model of a few channels and two passes."""
    torch.manual_seed(0)
    config = tiny_live()
    config = ModelConfig(
        config.name, config.tokenizer, config.denoiser, config.tokenizer_training, config.denoiser_training,
        config.diffusion, config.condition, SamplingConfig(sampler, steps=2, hypotheses=3),
    )  # fmt: skip
    model = build_live_di2pose(config)
    parts = {"tokenizer": model.tokenizer, "denoiser": model.denoiser, "live_condition": model.live_condition}
    if finished:
        parts |= {"spread": SpreadHead(), "seen": SeenHead()}
    tensors = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    checkpoint.write(directory, Checkpoint(config, tensors))
    return directory


def exported_graph(directory: Path, repo_root: Path) -> Path:
    """By the command, in a process of its own: the exporter cannot trace through the tests' shape checks."""
    graph = directory.parent / "di2pose.onnx"
    command = [sys.executable, "-m", "tools.cli", "export", "onnx", str(directory), "--out", str(graph)]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return graph
