"""The condition y of the conditional task without images: projected 2D joints, some of them hidden."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from engine.body.skeleton import H36M17
from engine.model.attention import Attention, init_normal, mlp
from engine.model.config import ConditionConfig


class SelfBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, source_channels=channels)
        self.mlp = nn.Sequential(nn.LayerNorm(channels), mlp(channels, 4))

    def forward(self, x: Float[Tensor, "batch joint channel"]) -> Float[Tensor, "batch joint channel"]:
        normed = self.norm(x)
        x = x + self.attention(normed, self.attention.key_value(normed))
        out: Tensor = x + self.mlp(x)
        return out


class JointCondition(nn.Module):
    """One vector per 2D joint.

    `joints_2d` are image coordinates relative to the crop: 0 in its middle, -1 and 1 at its sides; finite also where
    a joint is hidden, but not read there: a learned vector takes its place.
    """

    def __init__(self, config: ConditionConfig, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(2, channels), nn.GELU(), nn.Linear(channels, channels))
        self.hidden_joint = nn.Parameter(torch.randn(channels) * 0.02)
        self.joint = nn.Parameter(torch.randn(len(H36M17.names), channels) * 0.02)
        self.blocks = nn.Sequential(*(SelfBlock(channels, config.heads) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(channels)
        self.blocks.apply(init_normal)

    def forward(
        self, joints_2d: Float[Tensor, "batch joint 2"], visible: Bool[Tensor, "batch joint"]
    ) -> Float[Tensor, "batch joint channel"]:
        seen = self.embedding(joints_2d.masked_fill(~visible[..., None], 0.0))
        x = torch.where(visible[..., None], seen, self.hidden_joint) + self.joint
        sequence: Tensor = self.norm(self.blocks(x))
        return sequence
