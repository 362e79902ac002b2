"""Finite scalar quantisation: every channel of a token is rounded to one of L levels.

Odd L is bounded by floor(L/2) tanh(z), as Di2Pose says; that law reaches L values for odd L only, so even L takes
the offset form of Mentzer et al. (Finite Scalar Quantization, 2023, section 3) with atanh instead of the tan that
the authors' code has. Both give code 0 for z = 0. A token's joint index is the mixed-radix number of its level
indices, first level fastest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

EVEN_MARGIN = 1e-3
"""Even levels stay this share short of the outermost rounding border, so that rounding never leaves the alphabet."""


class FiniteScalarQuantiser(nn.Module):
    """Latents to codes in [-1, 1] and codes to indices; nothing is learned here.

    `levels` are numbers of values per channel, each at least 3 (with two, no bound maps 0 to a code).
    """

    levels_of_channel: Tensor
    basis: Tensor
    codebook: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        if not levels or any(level < 3 for level in levels):
            raise ValueError(f"FSQ levels must be at least 3 each, got {list(levels)}")
        self.levels = tuple(levels)
        self.codes = math.prod(levels)
        basis = [math.prod(self.levels[:channel]) for channel in range(len(self.levels))]
        keep = {"persistent": False}
        self.register_buffer("levels_of_channel", torch.tensor(self.levels), **keep)
        self.register_buffer("basis", torch.tensor(basis), **keep)
        self.register_buffer("codebook", self.codes_of(torch.arange(self.codes)), **keep)

    def bound(self, z: Float[Tensor, "*batch level"]) -> Float[Tensor, "*batch level"]:
        """Latents in steps between levels: rounding it gives whole numbers from -(L//2) on, L of them."""
        z = z.float()
        levels = self.levels_of_channel
        even = levels % 2 == 0
        half = torch.where(even, (levels - 1) * (1 - EVEN_MARGIN) / 2, (levels // 2).float())
        offset = torch.where(even, 0.5, 0.0)
        bounded: Tensor = torch.tanh(z + torch.atanh(offset / half)) * half - offset
        return bounded

    def forward(self, z: Float[Tensor, "*batch level"]) -> Float[Tensor, "*batch level"]:
        """Codes in [-1, 1]; the gradient passes the rounding unchanged (straight-through)."""
        bounded = self.bound(z)
        rounded = bounded + (bounded.round() - bounded).detach()
        return rounded / (self.levels_of_channel // 2)

    def level_indices(self, codes: Float[Tensor, "*batch level"]) -> Int[Tensor, "*batch level"]:
        """Which of its L values each channel has, 0..L-1."""
        half = self.levels_of_channel // 2
        return (codes.float() * half).round().long() + half

    def join(self, level_indices: Int[Tensor, "*batch level"]) -> Int[Tensor, "*batch"]:
        return (level_indices * self.basis).sum(dim=-1)

    def split(self, indices: Int[Tensor, "*batch"]) -> Int[Tensor, "*batch level"]:
        """Inverse of `join`."""
        return (indices[..., None] // self.basis) % self.levels_of_channel

    def indices_of(self, codes: Float[Tensor, "*batch level"]) -> Int[Tensor, "*batch"]:
        return self.join(self.level_indices(codes))

    def codes_of(self, indices: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch level"]:
        half = self.levels_of_channel // 2
        return (self.split(indices) - half).float() / half

    def expected_codes(self, probabilities: Float[Tensor, "*batch code"]) -> Float[Tensor, "*batch level"]:
        """Mean code under a distribution over the joint alphabet; codes are ordinal, so the mean means something."""
        return probabilities @ self.codebook.to(probabilities.dtype)

    def expected_codes_of_levels(self, probabilities: Float[Tensor, "*batch value"]) -> Float[Tensor, "*batch level"]:
        """The same from one distribution per channel, laid side by side (value axis: sum of levels)."""
        means = [
            part @ (torch.arange(level, device=part.device, dtype=part.dtype) / (level // 2) - 1)
            for part, level in zip(probabilities.split_with_sizes(self.levels, dim=-1), self.levels, strict=True)
        ]
        return torch.stack(means, dim=-1)

    def join_log_probabilities(self, log_p: Float[Tensor, "*batch value"]) -> Float[Tensor, "*batch code"]:
        """Product of one distribution per channel over the joint alphabet, in log space: only additions."""
        parts = log_p.split_with_sizes(self.levels, dim=-1)
        joint = parts[0]
        for part in parts[1:]:
            joint = (part[..., :, None] + joint[..., None, :]).flatten(-2)
        return joint
