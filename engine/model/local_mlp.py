"""Local-MLP blocks: joints exchange channels with their neighbours in the row order (Di2Pose, stage 1).

Block: x + JS-Block(LayerNorm(x)), then x + MLP(LayerNorm(x)). The inside of the JS-Block follows AS-MLP (Lian et al.,
2022): Linear, LayerNorm, GELU, Joint Shift, Linear, GELU, LayerNorm, Linear. With `linears=2` it ends after
the second Linear, which is the paper's short wording and cheaper by one Linear.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class JointShift(nn.Module):
    """Moves X groups of channels along the joint axis by -floor(X/2)..+floor(X/2), zeros coming in.

    A group moved by +1 gives joint j what joint j-1 had. Where X does not divide the channels, the first
    groups are one wider (2048 = 683 + 683 + 682).
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        if groups < 1 or groups % 2 == 0:
            raise ValueError(f"Joint Shift needs an odd number of groups, got {groups}")
        self.groups = groups

    def forward(self, x: Float[Tensor, "batch joint channel"]) -> Float[Tensor, "batch joint channel"]:
        reach = self.groups // 2
        if reach == 0:
            return x
        joints = x.shape[1]
        padded = functional.pad(x, (0, 0, reach, reach))
        sizes = [len(part) for part in torch.arange(x.shape[2]).tensor_split(self.groups)]
        # Taking rows from `reach - shift` on moves them by `shift`.
        moved = [
            part[:, reach - shift : reach - shift + joints]
            for part, shift in zip(padded.split_with_sizes(sizes, dim=2), range(-reach, reach + 1), strict=True)
        ]
        return torch.cat(moved, dim=2)


class LocalMlpBlock(nn.Module):
    """One block at constant width; shapes (batch, joint, channel) in and out."""

    def __init__(self, channels: int, groups: int, *, mlp_ratio: int = 4, linears: int = 3) -> None:
        super().__init__()
        inside: list[nn.Module] = [nn.Linear(channels, channels), nn.LayerNorm(channels), nn.GELU()]
        inside += [JointShift(groups), nn.Linear(channels, channels)]
        if linears == 3:
            inside += [nn.GELU(), nn.LayerNorm(channels), nn.Linear(channels, channels)]
        self.shift = nn.Sequential(nn.LayerNorm(channels), *inside)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, mlp_ratio * channels),
            nn.GELU(),
            nn.Linear(mlp_ratio * channels, channels),
        )

    def forward(self, x: Float[Tensor, "batch joint channel"]) -> Float[Tensor, "batch joint channel"]:
        x = x + self.shift(x)
        mixed: Tensor = x + self.mlp(x)
        return mixed
