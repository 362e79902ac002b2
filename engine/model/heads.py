"""From the denoiser's last features to log p(k_0): one softmax over all codes, or one small softmax per level.

The diffusion works on the joint alphabet, so both heads give log p over it. The per-level head gets there by additions
(no matrix multiply with |C| columns): 27 instead of 4375 outputs per token for [7, 5, 5, 5, 5].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.model.fsq import FiniteScalarQuantiser

LogPOf: TypeAlias = Callable[[Tensor], Tensor]
"""Token indices (batch, token) -> log p(k_0) of just these, (batch, token)."""


class JointHead(nn.Module):
    """LayerNorm + Linear + softmax over all codes; no logit for Occ."""

    def __init__(self, channels: int, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        self.quantiser = quantiser
        self.norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, quantiser.codes)

    def forward(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token code"]:
        """log p(k_0), float32 and normalised."""
        logits: Tensor = self.project(self.norm(x))
        return logits.float().log_softmax(dim=-1)

    def expected_codes(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token level"]:
        """Mean code vector of each token, for soft decoding."""
        return self.quantiser.expected_codes(self(x).exp())

    def log_p_of(self, x: Float[Tensor, "batch token channel"]) -> LogPOf:
        log_p = self(x)
        return lambda tokens: log_p.gather(-1, tokens[..., None])[..., 0]


class LevelHead(nn.Module):
    """LayerNorm + Linear + one softmax per level; levels of one token are independent given the network's input."""

    first_row: Tensor

    def __init__(self, channels: int, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        self.quantiser = quantiser
        self.norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, sum(quantiser.levels))
        starts = torch.tensor((0, *quantiser.levels[:-1])).cumsum(0)
        self.register_buffer("first_row", starts, persistent=False)

    def log_levels(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token value"]:
        """log p of each level's values, side by side."""
        parts = self.project(self.norm(x)).float().split_with_sizes(self.quantiser.levels, dim=-1)
        return torch.cat([part.log_softmax(dim=-1) for part in parts], dim=-1)

    def forward(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token code"]:
        """log p(k_0), float32 and normalised."""
        return self.quantiser.join_log_probabilities(self.log_levels(x))

    def expected_codes(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token level"]:
        """Mean code vector of each token; the joint alphabet is never made."""
        return self.quantiser.expected_codes_of_levels(self.log_levels(x).exp())

    def log_p_of(self, x: Float[Tensor, "batch token channel"]) -> LogPOf:
        """The joint alphabet is never made here either."""
        log_levels = self.log_levels(x)
        return lambda tokens: log_levels.gather(-1, self.quantiser.split(tokens) + self.first_row).sum(dim=-1)
