"""What Di2Pose's second stage is compared with on the conditional task: the same network without diffusion.

`PoseClassifier` names all tokens in one pass, as PCT does: cross-entropy and joint loss 1:1, decoded softly.
`PoseRegressor` gives joints directly. Both read all-Occ tokens with the same condition encoder and denoiser body.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from engine.model.config import ModelConfig
from engine.model.di2pose import build_denoiser, build_joint_condition
from engine.model.tokenizer import Tokenizer
from training.conditioned import Conditioned
from training.denoiser_task import DenoiserTask

POSE_CHANNELS = 16
"""Per token, before the regression's last layer."""


class Lifter(Protocol):
    """Learns from conditioned poses and draws hypotheses for a condition."""

    def loss(self, batch: Conditioned, generator: torch.Generator) -> Tensor: ...
    def hypotheses_mm(self, batch: Conditioned, count: int, generator: torch.Generator) -> Tensor: ...


class _OnePass(nn.Module):
    """Condition encoder and denoiser body, asked once about tokens that are all Occ."""

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.joint_condition = build_joint_condition(config)
        self.denoiser = build_denoiser(config, tokenizer)
        self.last_step, self.tokens, self.occ = config.diffusion.steps, tokenizer.tokens, tokenizer.codes
        self._stage1 = (tokenizer,)
        """Inside a tuple: used, not trained, not part of the state."""

    def features(self, batch: Conditioned) -> Tensor:
        context = self.denoiser.context(self.joint_condition(batch.joints_2d, batch.visible))
        tokens = torch.full((len(batch), self.tokens), self.occ)
        return self.denoiser.features(tokens, torch.full((len(batch),), self.last_step), context=context)


class PoseClassifier(_OnePass):
    def loss(self, batch: Conditioned, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        (tokenizer,) = self._stage1
        with torch.no_grad():
            tokens = tokenizer.encode(batch.joints_mm)
        features = self.features(batch)
        log_p = self.denoiser.head(features)
        missed = -log_p.gather(-1, tokens[..., None]).mean()
        pose = tokenizer.pose_of_codes(self.denoiser.head.expected_codes(features))
        total: Tensor = missed + _distance(pose, batch.joints_mm) / tokenizer.config.scale_mm
        return total

    @torch.no_grad()
    def hypotheses_mm(self, batch: Conditioned, count: int, generator: torch.Generator) -> Tensor:
        """The soft decoding first; the others are drawn token by token from the one prediction."""
        (tokenizer,) = self._stage1
        features = self.features(batch)
        soft = tokenizer.pose_of_codes(self.denoiser.head.expected_codes(features))
        chances = self.denoiser.head(features).exp().flatten(0, 1)
        if count == 1:
            return soft[:, None]
        drawn = torch.multinomial(chances, count - 1, replacement=True, generator=generator)
        tokens = drawn.reshape(len(batch), self.tokens, count - 1).permute(0, 2, 1)
        others = tokenizer.decode(tokens.flatten(0, 1)).reshape(len(batch), count - 1, -1, 3)
        return torch.cat([soft[:, None], others], dim=1)


class PoseRegressor(_OnePass):
    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        del self.denoiser.head  # its weights would be counted and never trained
        self.narrow = nn.Sequential(
            nn.LayerNorm(config.denoiser.channels), nn.Linear(config.denoiser.channels, POSE_CHANNELS)
        )
        self.pose = nn.Linear(tokenizer.tokens * POSE_CHANNELS, 17 * 3)

    def forward(self, batch: Conditioned) -> Tensor:
        """(batch, 17, 3) millimetres."""
        (tokenizer,) = self._stage1
        joints = self.pose(self.narrow(self.features(batch)).flatten(1)).reshape(len(batch), -1, 3)
        centred: Tensor = (joints - joints[:, :1]) * tokenizer.config.scale_mm
        return centred

    def loss(self, batch: Conditioned, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        (tokenizer,) = self._stage1
        return _distance(self(batch), batch.joints_mm) / tokenizer.config.scale_mm

    @torch.no_grad()
    def hypotheses_mm(self, batch: Conditioned, count: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """One answer, repeated: a regression has no others."""
        pose: Tensor = self(batch)
        return pose[:, None].expand(-1, count, -1, -1)


class DiffusionLifter(nn.Module):
    """Di2Pose as it is trained by `di2pose train denoiser`."""

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        task = DenoiserTask(config, tokenizer)
        self.trained = task.trained
        self._task = (task,)

    def loss(self, batch: Conditioned, generator: torch.Generator) -> Tensor:
        (task,) = self._task
        found: Tensor = task(batch.joints_mm, batch.joints_2d, batch.visible, generator)
        return found

    @torch.no_grad()
    def hypotheses_mm(self, batch: Conditioned, count: int, generator: torch.Generator) -> Tensor:
        (task,) = self._task
        condition = task.model.joint_condition(batch.joints_2d, batch.visible)
        return task.model.sample(condition, generator=generator, hypotheses=count)

    @torch.no_grad()
    def sampled_mm(self, batch: Conditioned, steps: int, generator: torch.Generator) -> Tensor:
        """One pose each, (batch, 17, 3), in so many steps of ancestral sampling."""
        (task,) = self._task
        condition = task.model.joint_condition(batch.joints_2d, batch.visible)
        drawn: Tensor = task.model.sample(
            condition, generator=generator, steps=steps, hypotheses=1, sampler="ancestral"
        )
        return drawn[:, 0]


def _distance(estimate_mm: Tensor, truth_mm: Tensor) -> Tensor:
    return ((estimate_mm - truth_mm).square().sum(dim=-1) + 1e-3).sqrt().mean()
