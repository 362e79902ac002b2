"""A training run of seconds: made-up motion, networks of a few channels. As a script: the process that tests kill."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from engine.model.config import (
    DenoiserConfig,
    DenoiserTrainingConfig,
    LocalMlpConfig,
    ModelConfig,
    OptimiserConfig,
    TokenizerConfig,
    TokenizerTrainingConfig,
)
from training.cmu import BoneMotion, Clip
from training.kinematics import axis_rotation
from training.run import RunOptions


def tiny_motion(frames: int = 60) -> BoneMotion:
    """Frames of one training subject (01) and of one test subject (02)."""
    angles = np.random.default_rng(3).normal(0, 0.3, (3, 2 * frames, 17))
    turns = axis_rotation("X", angles[0]) @ axis_rotation("Y", angles[1]) @ axis_rotation("Z", angles[2])
    clips = (Clip("01_01", "01", 0, frames), Clip("02_01", "02", frames, 2 * frames))
    return BoneMotion(turns.astype(np.float32), 30.0, clips)


def tiny_config(*, layout: str = "pose", corrupt: float = 0.3) -> ModelConfig:
    stack = LocalMlpConfig(blocks=1, channels=12, mlp_ratio=2)
    optimiser = OptimiserConfig(
        lr=2e-3, weight_decay=0.01, beta1=0.9, beta2=0.99, batch=8, epochs=1, warmup_steps=2,
        lr_schedule="cosine", clip_norm=1.0, ema_decay=0.9,
    )  # fmt: skip
    tokenizer = TokenizerConfig(
        tokens=6, levels=(5, 3), encoder=stack, decoder=stack, layout=layout, stages=2 if layout == "pose" else 1,
        scale_mm=250.0, corrupt_poses=corrupt, corrupt_share=0.5, joint_drop=0.1 if corrupt else 0.0,
    )  # fmt: skip
    denoiser = DenoiserConfig(layers=1, heads=2, channels=8, condition_channels=8, head="levels", token_input="codes")
    return ModelConfig(
        name="tiny",
        tokenizer=tokenizer,
        denoiser=denoiser,
        tokenizer_training=TokenizerTrainingConfig(optimiser, loss="mpjpe", sketch_loss_weight=0.3),
        denoiser_training=DenoiserTrainingConfig(optimiser),
    )


def tiny_options(out: Path, *, steps: int, devices: int = 1, checkpoint_every: int = 2) -> RunOptions:
    return RunOptions(
        out, seed=5, steps=steps, accelerator="cpu", devices=devices, checkpoint_every=checkpoint_every,
        journal_every=1, evaluate_every=4, tensorboard=False,
    )  # fmt: skip


def main() -> None:
    from training.train_tokenizer import train_tokenizer

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--corrupt", type=float, default=0.3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    options = tiny_options(asked.out, steps=asked.steps, devices=asked.devices, checkpoint_every=1)
    train_tokenizer(tiny_config(corrupt=asked.corrupt), tiny_motion(), options=options)


if __name__ == "__main__":
    main()
