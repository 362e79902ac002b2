"""Encoder and decoder that see the pose as one vector, in two stages: first the pose, then what is left of it.

The first half of the tokens is read from the pose and decoded to a coarse pose; the other half is read from the pose
and what the coarse pose misses, magnified. One quantiser and one alphabet serve all tokens, and a token still depends
on the whole pose. A channel of few levels cannot fold a coordinate finely by itself; the subtraction does that for it.
docs/experiments.md says what that gains.

Blocks are pre-norm residual MLPs, x + W2 GELU(W1 LayerNorm(x)). Every weight is used once per pose and not once per
joint, which is what makes training on a CPU affordable.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from engine.body.skeleton import H36M17
from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser

JOINTS = len(H36M17.names)
COORDINATES = JOINTS * 3


class ResidualMlp(nn.Module):
    """One block at constant width; shapes (batch, channel) in and out."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, ratio * channels),
            nn.GELU(),
            nn.Linear(ratio * channels, channels),
        )

    def forward(self, x: Float[Tensor, "batch channel"]) -> Float[Tensor, "batch channel"]:
        mixed: Tensor = x + self.inside(x)
        return mixed


class PoseDecoder(nn.Module):
    """Codes (whole or expected) to scaled joints, the pelvis at zero."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        levels = len(config.levels)
        self.first_tokens = config.tokens // 2 if config.stages == 2 else config.tokens
        self.coarse_network = residual_stack(self.first_tokens * levels, config.decoder, COORDINATES)
        self.fine_network = (
            residual_stack(config.tokens * levels, config.decoder, COORDINATES) if config.stages == 2 else None
        )
        self.magnify = config.magnify

    def forward(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        joints = self._first(codes)
        if self.fine_network is not None:
            correction = self.fine_network(codes.flatten(1)).unflatten(1, (JOINTS, 3))
            joints = joints + correction / self.magnify
        return _at_pelvis(joints)

    def coarse(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        """The pose as the first stage's tokens tell it; the others are not read."""
        return _at_pelvis(self._first(codes))

    def _first(self, codes: Tensor) -> Tensor:
        own = codes[:, : self.first_tokens].flatten(1)
        joints: Tensor = self.coarse_network(own).unflatten(1, (JOINTS, 3))
        return joints


class PoseEncoder(nn.Module):
    """Scaled joints to latents before quantisation. Quantiser and decoder are the tokenizer's own, shared."""

    def __init__(self, config: TokenizerConfig, quantiser: FiniteScalarQuantiser, decoder: PoseDecoder) -> None:
        super().__init__()
        levels, first = len(config.levels), decoder.first_tokens
        self.coarse_network = residual_stack(COORDINATES, config.encoder, first * levels)
        second = (config.tokens - first) * levels
        self.fine_network = residual_stack(2 * COORDINATES, config.encoder, second) if second else None
        self.magnify = config.magnify
        # Inside a tuple they are not registered as parts of this module, so their weights are saved and trained once.
        self._shared = (quantiser, decoder)

    def forward(
        self, joints: Float[Tensor, "batch joint 3"], dropped: Bool[Tensor, "batch joint"] | None = None
    ) -> Float[Tensor, "batch token level"]:
        """Dropped joints enter at the pelvis, where no other joint of a body lies."""
        quantiser, decoder = self._shared
        if dropped is not None:
            joints = joints.masked_fill(dropped[..., None], 0.0)
        levels = len(quantiser.levels)
        first: Tensor = self.coarse_network(joints.flatten(1)).unflatten(1, (-1, levels))
        if self.fine_network is None:
            return first
        missed = (joints - decoder.coarse(quantiser(first))) * self.magnify
        second: Tensor = self.fine_network(torch.cat([joints.flatten(1), missed.flatten(1)], dim=1))
        return torch.cat([first, second.reshape(len(joints), -1, levels)], dim=1)


def residual_stack(inputs: int, config: LocalMlpConfig, outputs: int) -> nn.Sequential:
    width = config.channels
    blocks = [ResidualMlp(width, config.mlp_ratio) for _ in range(config.blocks)]
    return nn.Sequential(nn.Linear(inputs, width), *blocks, nn.LayerNorm(width), nn.Linear(width, outputs))


def _at_pelvis(joints: Float[Tensor, "batch joint 3"]) -> Float[Tensor, "batch joint 3"]:
    return joints - joints[:, :1]
