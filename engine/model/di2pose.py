"""The finished models: condition in, hypotheses of the 3D pose out."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from engine.model.bottleneck import JOINTS
from engine.model.condition import JointCondition
from engine.model.config import ModelConfig, SamplingConfig
from engine.model.config_reading import ConfigError
from engine.model.denoiser import Denoiser
from engine.model.diffusion import Diffusion, Predict, Schedule, truncate
from engine.model.live_condition import LiveCondition
from engine.model.tokenizer import Tokenizer


class PoseModel(nn.Module):
    """Composition of finished parts; `condition` sequences may come from any encoder of the right width."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        denoiser: Denoiser,
        *,
        diffusion: Diffusion,
        sampling: SamplingConfig | None = None,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.denoiser = denoiser
        self.diffusion = diffusion
        self.sampling = sampling or SamplingConfig()

    @torch.no_grad()
    def sample(
        self,
        condition: Float[Tensor, "batch condition channel"],
        *,
        generator: torch.Generator,
        steps: int | None = None,
        hypotheses: int | None = None,
        sampler: str | None = None,
    ) -> Float[Tensor, "batch hypothesis joint 3"]:
        """Poses in millimetres, drawn with the configured sampler unless told otherwise.

        `generator` must live on the model's device. `soft` draws nothing: its hypotheses are equal.
        """
        hypotheses = hypotheses or self.sampling.hypotheses
        sampler = sampler or self.sampling.sampler
        if sampler == "soft":
            return self.point(condition)[:, None].repeat(1, hypotheses, 1, 1)
        predict = self._predictor(condition, hypotheses)
        rows, steps = len(condition) * hypotheses, steps or self.sampling.steps
        tokens = self.draw_tokens(predict, rows, sampler=sampler, steps=steps, generator=generator)
        return self.tokenizer.decode(tokens).view(len(condition), hypotheses, JOINTS, 3)

    def point(self, condition: Float[Tensor, "batch condition channel"]) -> Float[Tensor, "batch joint 3"]:
        """One pass from all Occ, decoded softly; differentiable, in millimetres."""
        size = (len(condition), self.tokenizer.tokens)
        tokens = torch.full(size, self.diffusion.occ, device=condition.device)
        step = torch.full(size[:1], self.diffusion.schedule.steps, device=condition.device)
        features = self.denoiser.features(tokens, step, context=self.denoiser.context(condition))
        return self.tokenizer.pose_of_codes(self.denoiser.head.expected_codes(features))

    def draw_tokens(
        self, predict: Predict, rows: int, *, sampler: str, steps: int, generator: torch.Generator
    ) -> Int[Tensor, "batch token"]:
        """k_0 of `rows` poses by the `ancestral` (strided when `steps` < S) or the `purity` sampler."""
        count = self.tokenizer.tokens
        if sampler == "purity":
            return self.diffusion.sample_purity(predict, rows, count, passes=steps, generator=generator)
        visits = self.diffusion.schedule.visits(steps)
        start = self.diffusion.prior(rows, count, generator=generator)
        return self.diffusion.sample(predict, start, visits=visits, generator=generator)

    def _predictor(self, condition: Tensor, hypotheses: int) -> Predict:
        predict = self.denoiser.predictor(condition, hypotheses=hypotheses)
        if self.sampling.top_p == 1.0:
            return predict
        return lambda tokens, step: truncate(predict(tokens, step), self.sampling.top_p)


class Di2Pose(PoseModel):
    """With the encoder of projected 2D joints beside it."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        denoiser: Denoiser,
        *,
        diffusion: Diffusion,
        joint_condition: JointCondition,
        sampling: SamplingConfig | None = None,
    ) -> None:
        super().__init__(tokenizer, denoiser, diffusion=diffusion, sampling=sampling)
        self.joint_condition = joint_condition


class LiveDi2Pose(PoseModel):
    """With the encoder of what BlazePose says of a crop; poses are in the axes of the crop's virtual camera."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        denoiser: Denoiser,
        *,
        diffusion: Diffusion,
        live_condition: LiveCondition,
        sampling: SamplingConfig | None = None,
    ) -> None:
        super().__init__(tokenizer, denoiser, diffusion=diffusion, sampling=sampling)
        self.live_condition = live_condition


def build_tokenizer(config: ModelConfig) -> Tokenizer:
    return Tokenizer(config.tokenizer)


def build_diffusion(config: ModelConfig) -> Diffusion:
    entry = config.diffusion
    schedule = Schedule(entry.steps, config.tokenizer.codes, entry.final_occ, entry.final_replace)
    return Diffusion(schedule, entry.auxiliary_weight, entry.auxiliary_falls)


def build_denoiser(config: ModelConfig, tokenizer: Tokenizer) -> Denoiser:
    quantiser, steps = tokenizer.quantiser, config.diffusion.steps
    return Denoiser(config.denoiser, quantiser, tokens=config.tokenizer.tokens, steps=steps)


def build_joint_condition(config: ModelConfig) -> JointCondition:
    return JointCondition(config.condition, config.denoiser.condition_channels)


def build_di2pose(config: ModelConfig, tokenizer: Tokenizer | None = None) -> Di2Pose:
    """Everything with fresh weights, around a trained tokenizer where one is given. ConfigError for kind `live`."""
    if config.condition.kind != "joints":
        raise ConfigError(
            f"condition.kind is {config.condition.kind!r} where 2D joints are the condition; use 'joints'"
        )
    tokenizer = tokenizer or build_tokenizer(config)
    return Di2Pose(
        tokenizer,
        build_denoiser(config, tokenizer),
        diffusion=build_diffusion(config),
        joint_condition=build_joint_condition(config),
        sampling=config.sampling,
    )


def build_live_condition(config: ModelConfig) -> LiveCondition:
    """ConfigError for another kind than `live`."""
    if config.condition.kind != "live":
        raise ConfigError(f"condition.kind is {config.condition.kind!r} where crops are the condition; use 'live'")
    return LiveCondition(config.condition, config.denoiser.condition_channels)


def build_live_di2pose(config: ModelConfig, tokenizer: Tokenizer | None = None) -> LiveDi2Pose:
    """The model of crops with fresh weights, around a trained tokenizer where one is given."""
    tokenizer = tokenizer or build_tokenizer(config)
    return LiveDi2Pose(
        tokenizer,
        build_denoiser(config, tokenizer),
        diffusion=build_diffusion(config),
        live_condition=build_live_condition(config),
        sampling=config.sampling,
    )
