"""The loss of stage 2 as one module that Fabric can wrap: the bound, its auxiliary term, and two options of ours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.model.config import ModelConfig
from engine.model.di2pose import Di2Pose, build_di2pose
from engine.model.tokenizer import Tokenizer

TRAINED_PARTS = ("denoiser", "joint_condition")
HISTORY_DECAY = 0.9
"""Memory of the mean squared loss per step, as in VQ-Diffusion's code."""
SEEN_OFTEN_ENOUGH = 10
"""Steps are drawn evenly until each has been seen so many times (Nichol and Dhariwal 2021, VQ-Diffusion)."""


class DenoiserTask(nn.Module):
    """Frozen tokenizer, trained denoiser and condition encoder, and how often each step is drawn.

    The loss of step s is drawn with p_s and weighed by 1 / (S p_s), so the expected loss does not depend on p. The
    history that importance sampling keeps is a buffer: it is saved and resumed with the weights.
    """

    squared_loss: Tensor
    seen: Tensor

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model: Di2Pose = build_di2pose(config, tokenizer)
        self.options = config.denoiser_training
        self.steps = config.diffusion.steps
        self.register_buffer("squared_loss", torch.zeros(self.steps))
        self.register_buffer("seen", torch.zeros(self.steps, dtype=torch.long))
        self.model.tokenizer.requires_grad_(requires_grad=False)

    @property
    def trained(self) -> nn.ModuleDict:
        """What stage 2 learns, under the names that checkpoints use."""
        return nn.ModuleDict({name: getattr(self.model, name) for name in TRAINED_PARTS})

    def train(self, mode: bool = True) -> DenoiserTask:
        """The tokenizer stays as it is used: nothing is dropped or disturbed in it."""
        super().train(mode)
        self.model.tokenizer.eval()
        return self

    def forward(self, joints_mm: Tensor, joints_2d: Tensor, visible: Tensor, generator: torch.Generator) -> Tensor:
        """Mean loss of a batch: (batch, 17, 3) poses, (batch, 17, 2) crop coordinates, (batch, 17) bool."""
        model = self.model
        with torch.no_grad():
            tokens = model.tokenizer.encode(joints_mm)
        step, weight = self.draw_steps(len(tokens), generator)
        noisy = model.diffusion.noise(tokens, torch.zeros_like(step), step, generator=generator)
        condition = model.joint_condition(joints_2d, visible)
        features = model.denoiser.features(noisy, step, context=model.denoiser.context(condition))
        terms = model.diffusion.loss_terms(model.denoiser.head(features), tokens, noisy, step)
        loss = model.diffusion.loss(terms, step)
        if self.options.importance_sampled_steps and self.training:
            self._remember(step, terms.bound.detach())
        total = (loss * weight).mean()
        if self.options.joint_loss_weight > 0:
            total = total + self.options.joint_loss_weight * self._joint_loss(features, joints_mm)
        return total

    def draw_steps(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Steps 1..S and their weights, both (count,)."""
        device = self.squared_loss.device
        if not self.options.importance_sampled_steps or int(self.seen.min()) < SEEN_OFTEN_ENOUGH:
            return torch.randint(1, self.steps + 1, (count,), generator=generator, device=device), torch.ones(
                count, device=device
            )
        chance = (self.squared_loss + 1e-10).sqrt() + 1e-4
        chance = chance / chance.sum()
        row = torch.multinomial(chance, count, replacement=True, generator=generator)
        return row + 1, 1 / (chance[row] * self.steps)

    def _remember(self, step: Tensor, loss: Tensor) -> None:
        row = step - 1
        mixed = HISTORY_DECAY * self.squared_loss[row] + (1 - HISTORY_DECAY) * loss.float() ** 2
        self.squared_loss.scatter_(0, row, mixed)
        self.seen.scatter_add_(0, row, torch.ones_like(row))

    def _joint_loss(self, features: Tensor, joints_mm: Tensor) -> Tensor:
        """Mean distance, in the tokenizer's unit, of the softly decoded pose."""
        tokenizer = self.model.tokenizer
        pose = tokenizer.pose_of_codes(self.model.denoiser.head.expected_codes(features))
        distance = ((pose - joints_mm).square().sum(dim=-1) + 1e-6).sqrt()
        return distance.mean() / tokenizer.config.scale_mm
