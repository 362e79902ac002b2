"""Tokenizers to compare ours with, at the same bits per pose: vector quantisation twice, and fixed digits.

PCT-style: Geng et al., "Human pose as compositional tokens", CVPR 2023 - codebook kept by moving averages, joints
dropped at the input, smooth L1. Plain: van den Oord et al., "Neural discrete representation learning", 2017 - codebook
learned by its own loss, nothing disturbed. Both have our residual MLPs, in one stage: the quantiser and the training
differ.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model.bottleneck import COORDINATES, JOINTS
from engine.model.config import LocalMlpConfig
from engine.model.pose_mlp import residual_stack

SCALE_MM = 250.0
COMMITMENT = 0.25
"""Weight of the commitment term (van den Oord et al.)."""
JOINT_DROP = 0.2
"""PCT's share of masked joints."""
SMOOTH_BETA = 0.05
CODEBOOK_DECAY = 0.99


class PoseTokens(Protocol):
    """Whatever turns poses into tokens and back."""

    @property
    def tokens(self) -> int: ...
    @property
    def codes(self) -> int: ...

    def encode(self, joints_mm: Tensor) -> Tensor: ...
    def decode(self, indices: Tensor) -> Tensor: ...


class VectorQuantiser(nn.Module):
    """One codebook for all tokens; the nearest vector stands for each latent, the gradient passes straight through."""

    hits: Tensor
    sums: Tensor

    def __init__(self, codes: int, channels: int, *, moving_average: str) -> None:
        super().__init__()
        if moving_average not in ("on", "off"):
            raise ValueError(f"moving_average must be 'on' or 'off', got {moving_average!r}")
        self.average = moving_average == "on"
        start = torch.randn(codes, channels)
        self.codebook = nn.Parameter(start, requires_grad=not self.average)
        self.register_buffer("hits", torch.ones(codes))
        self.register_buffer("sums", start.clone())

    def indices(self, latents: Tensor) -> Tensor:
        """(..., channel) -> (...): squared distance without its constant part."""
        return (self.codebook.square().sum(dim=1) - 2 * latents @ self.codebook.T).argmin(dim=-1)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Quantised latents and the quantiser's own loss."""
        with torch.no_grad():
            chosen = self.indices(latents)
        vectors = self.codebook[chosen]
        loss = COMMITMENT * functional.mse_loss(latents, vectors.detach())
        if self.average and self.training:
            self._follow(latents.detach().flatten(0, 1), chosen.flatten())
        elif not self.average:
            loss = loss + functional.mse_loss(vectors, latents.detach())
        return latents + (vectors - latents).detach(), loss

    @torch.no_grad()
    def _follow(self, latents: Tensor, chosen: Tensor) -> None:
        """Codes move to the mean of their latents; one that nobody uses restarts at a latent of this batch."""
        hits = torch.bincount(chosen, minlength=len(self.hits)).float()
        self.hits.mul_(CODEBOOK_DECAY).add_(hits, alpha=1 - CODEBOOK_DECAY)
        sums = torch.zeros_like(self.sums).index_add_(0, chosen, latents)
        self.sums.mul_(CODEBOOK_DECAY).add_(sums, alpha=1 - CODEBOOK_DECAY)
        dead = self.hits < 0.02
        spare = latents[torch.arange(len(self.hits)) * 7919 % len(latents)]  # a large prime spreads the choice
        self.sums[dead] = spare[dead]
        self.hits[dead] = 1.0
        self.codebook.data.copy_(self.sums / self.hits[:, None])


class VqTokenizer(nn.Module):
    """`style` is "pct" or "plain"."""

    def __init__(self, *, tokens: int, codes: int, channels: int, width: int, style: str) -> None:
        super().__init__()
        if style not in ("pct", "plain"):
            raise ValueError(f"style must be 'pct' or 'plain', got {style!r}")
        self.tokens, self.codes, self.channels, self.style = tokens, codes, channels, style
        stack = LocalMlpConfig(blocks=2, channels=width, mlp_ratio=2)
        self.encoder = residual_stack(COORDINATES, stack, tokens * channels)
        self.quantiser = VectorQuantiser(codes, channels, moving_average="on" if style == "pct" else "off")
        self.decoder = residual_stack(tokens * channels, stack, COORDINATES)

    def encode(self, joints_mm: Tensor) -> Tensor:
        return self.quantiser.indices(self._latents(joints_mm / SCALE_MM))

    def decode(self, indices: Tensor) -> Tensor:
        return self._pose(self.quantiser.codebook[indices]) * SCALE_MM

    def forward(self, joints_mm: Tensor, generator: torch.Generator) -> Tensor:
        """The training loss."""
        target = joints_mm / SCALE_MM
        seen = target
        if self.style == "pct":
            dropped = torch.rand(target.shape[:2], generator=generator) < JOINT_DROP
            seen = target.masked_fill(dropped[..., None], 0.0)
        own: Tensor
        vectors, own = self.quantiser(self._latents(seen))
        estimate = self._pose(vectors)
        if self.style == "pct":
            own = own + functional.smooth_l1_loss(estimate, target, beta=SMOOTH_BETA)
        else:
            own = own + functional.l1_loss(estimate, target)
        return own

    def _latents(self, joints: Tensor) -> Tensor:
        latents: Tensor = self.encoder(joints.flatten(1)).unflatten(1, (self.tokens, self.channels))
        return latents

    def _pose(self, vectors: Tensor) -> Tensor:
        joints: Tensor = self.decoder(vectors.flatten(1)).unflatten(1, (JOINTS, 3))
        return joints - joints[:, :1]


class DigitTokenizer:
    """A fixed quantiser: every coordinate but the pelvis' as two digits to the base of the alphabet, nothing learned.

    With 4375 codes that is 96 tokens and a step of 0.1 micrometres within +-1100 mm.
    """

    def __init__(self, codes: int, reach_mm: float = 1100.0) -> None:
        self.codes, self.reach_mm, self.tokens = codes, reach_mm, 2 * (COORDINATES - 3)

    def encode(self, joints_mm: Tensor) -> Tensor:
        share = (joints_mm[:, 1:].flatten(1).double() / self.reach_mm + 1) / 2
        number = (share.clamp(0, 1) * (self.codes**2 - 1)).round().long()
        return torch.stack([number // self.codes, number % self.codes], dim=-1).flatten(1)

    def decode(self, indices: Tensor) -> Tensor:
        digits = indices.reshape(len(indices), -1, 2)
        share = (digits[..., 0] * self.codes + digits[..., 1]).double() / (self.codes**2 - 1)
        joints = ((2 * share - 1) * self.reach_mm).float().reshape(-1, JOINTS - 1, 3)
        return functional.pad(joints, (0, 0, 1, 0))
