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
from jaxtyping import Float
from torch import Tensor, nn

from engine.model.bottleneck import COORDINATES, JOINTS, Compressed, Expanded
from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser


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


class PassJoints(nn.Module):
    """Stands where the other layout has an encoder or decoder per joint: nothing is left for it to do."""

    def forward(self, joints: Tensor, dropped: Tensor | None = None) -> Tensor:  # noqa: ARG002 - dropped joints are at zero
        return joints


class PoseBottleneck(nn.Module):
    """All of it: pose to codes in one or two stages, and codes to the coarse pose and its correction."""

    def __init__(self, config: TokenizerConfig, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        levels, two = len(config.levels), config.stages == 2
        self.quantiser, self.magnify = quantiser, config.magnify
        self.first_tokens = config.tokens // 2 if two else config.tokens
        first, every = self.first_tokens * levels, config.tokens * levels
        self.coarse_decoder = residual_stack(first, config.decoder, COORDINATES)
        self.fine_decoder = residual_stack(every, config.decoder, COORDINATES) if two else None
        self.coarse_encoder = residual_stack(COORDINATES, config.encoder, first)
        self.fine_encoder = residual_stack(2 * COORDINATES, config.encoder, every - first) if two else None

    def compress(self, x: Float[Tensor, "batch joint 3"], joints: Float[Tensor, "batch joint 3"]) -> Compressed:  # noqa: ARG002
        """`x` is what the encoder made of the joints: in this layout the joints themselves."""
        pose, shape = joints.flatten(1), (joints.shape[0], -1, len(self.quantiser.levels))
        first: Tensor = self.quantiser(self.coarse_encoder(pose).reshape(shape))
        if self.fine_encoder is None:
            return Compressed(first, joints.new_zeros(0, *joints.shape))
        coarse = self.coarse(first)
        missed = (joints - coarse).flatten(1) * self.magnify
        second: Tensor = self.quantiser(self.fine_encoder(torch.cat([pose, missed], dim=1)).reshape(shape))
        return Compressed(torch.cat([first, second], dim=1), coarse[None])

    def expand(self, codes: Float[Tensor, "batch token level"]) -> Expanded:
        """The coarse pose, and the correction that all tokens together make to it; none with one stage."""
        sketch = self.coarse(codes)
        if self.fine_decoder is None:
            return Expanded(torch.zeros_like(sketch), sketch)
        return Expanded(_as_pose(self.fine_decoder(codes.flatten(1))) / self.magnify, sketch)

    def coarse(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        """The scaled pose as the first stage's tokens tell it; the others are not read."""
        return _as_pose(self.coarse_decoder(codes[:, : self.first_tokens].flatten(1)))


def residual_stack(inputs: int, config: LocalMlpConfig, outputs: int) -> nn.Sequential:
    width = config.channels
    blocks = [ResidualMlp(width, config.mlp_ratio) for _ in range(config.blocks)]
    return nn.Sequential(nn.Linear(inputs, width), *blocks, nn.LayerNorm(width), nn.Linear(width, outputs))


def _as_pose(flat: Float[Tensor, "batch coordinate"]) -> Float[Tensor, "batch joint 3"]:
    """Root-relative, as everything outside is."""
    pose = flat.reshape(-1, JOINTS, 3)
    return pose - pose[:, :1]
