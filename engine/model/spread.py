"""How far the true joint may lie from the estimate: the scatter of the hypotheses, calibrated.

Hypotheses tell which joint is less sure than which, but not in millimetres that can be promised: drawn independently
and decoded, they scatter less than the truth does. Per joint a power law, wider where the joint is probably hidden,
turns scatter into the radius that holds the true joint with 90 % probability; `training/fit_spread.py` fits it on
people whom the denoiser has not seen.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.model.bottleneck import JOINTS

HELD_SHARE = 0.9
"""Probability that the stated radius holds the true joint."""
LEAST_MM = 1.0
"""Scatter below this counts as this much."""


class SpreadHead(nn.Module):
    """radius = exp(offset + doubt * (1 - seen)) * scatter ** slope, in millimetres, with numbers of each joint's own.

    The pelvis is the origin: its radius is 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(JOINTS))
        self.slope = nn.Parameter(torch.ones(JOINTS))
        self.doubt = nn.Parameter(torch.zeros(JOINTS))

    def forward(
        self, scatter_mm: Float[Tensor, "batch joint"], seen: Float[Tensor, "batch joint"]
    ) -> Float[Tensor, "batch joint"]:
        """`seen` is the probability that the joint is seen."""
        radius = self.log_radius(scatter_mm, seen).exp()
        return torch.cat([torch.zeros_like(radius[:, :1]), radius[:, 1:]], dim=1)

    def log_radius(
        self, scatter_mm: Float[Tensor, "batch joint"], seen: Float[Tensor, "batch joint"]
    ) -> Float[Tensor, "batch joint"]:
        """Logarithm of the radius, the pelvis's too."""
        return self.offset + self.slope * scatter_mm.clamp(min=LEAST_MM).log() + self.doubt * (1 - seen)


def scatter_of(
    hypotheses_mm: Float[Tensor, "batch hypothesis joint 3"], estimate_mm: Float[Tensor, "batch joint 3"]
) -> Float[Tensor, "batch joint"]:
    """Root of the mean squared distance of the hypotheses from the estimate, millimetres."""
    squared = (hypotheses_mm - estimate_mm[:, None]).square().sum(dim=-1)
    return squared.mean(dim=1).sqrt()
