"""A live model of a few channels, and small encoded sets: pictures of the bundled clip beside made-up poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_source import SmallOpening
from tiny_training import tiny_config

from engine.model.config import (
    ConditionConfig,
    DenoiserTrainingConfig,
    DiffusionConfig,
    LiveConditionConfig,
    ModelConfig,
)
from training.encoded_shards import EncodedShards
from training.synthetic.recipe import Recipe
from training.synthetic.rendering import render


def tiny_live(**options: object) -> ModelConfig:
    config = tiny_config()
    live = LiveConditionConfig(tokens=2, width=8, blocks=1)
    training = {"joint_loss_weight": 1.0, "one_pass_share": 0.5, "simulated_share": 0.25, "hide_features": 0.2}
    return replace(
        config,
        diffusion=DiffusionConfig(steps=8, auxiliary_weight=1.0),
        condition=ConditionConfig("live", heads=2, live=live),
        denoiser_training=DenoiserTrainingConfig(config.denoiser_training.optimiser, **(training | options)),  # type: ignore[arg-type]
    )


def encoded_recipe(split: str, count: int) -> Recipe:
    return Recipe(seed=7, split=split, kind="plain", count=count, crops_per_shard=10)


def encode_small(out: Path, *, split: str, count: int, workers: int = 1) -> Path:
    """`count` crops in shards of ten."""
    render(encoded_recipe(split, count), out, opening=SmallOpening(seed=7), form=EncodedShards(), workers=workers)
    return out
