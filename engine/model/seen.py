"""Which joints the crop shows, from where BlazePose puts its landmarks and how sure it is of each.

BlazePose's own visibility misses most joints behind things: of the hidden joints of rendered people it names 29 %.
The renderer knows which joints are seen, so the answer can be learned from them (`training/fit_seen.py`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.model.bottleneck import JOINTS
from engine.model.live_condition import POINTS, Standard

_RAY, _SEEN = slice(0, 2), slice(6, 8)
"""Columns of a point, as in `engine.runtime.live_numbers`."""
_FARTHEST_RAY = 2.0
_INPUTS = 4 * POINTS + 3


class SeenHead(nn.Module):
    """Landmarks and view of a crop -> probability that each joint is seen."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.standard = Standard(_INPUTS)
        self.network = nn.Sequential(nn.Linear(_INPUTS, channels), nn.GELU(), nn.Linear(channels, JOINTS))

    def measure(self, points: Float[Tensor, "batch point 8"], view: Float[Tensor, "batch 3"]) -> None:
        """Take the constants from these crops."""
        self.standard.measure(_numbers(points, view))

    def logits(self, points: Float[Tensor, "batch point 8"], view: Float[Tensor, "batch 3"]) -> Tensor:
        logits: Tensor = self.network(self.standard(_numbers(points, view)))
        return logits

    def forward(
        self, points: Float[Tensor, "batch point 8"], view: Float[Tensor, "batch 3"]
    ) -> Float[Tensor, "batch joint"]:
        return torch.sigmoid(self.logits(points, view))


def _numbers(points: Tensor, view: Tensor) -> Tensor:
    rays = points[..., _RAY].clamp(-_FARTHEST_RAY, _FARTHEST_RAY)
    return torch.cat([rays.flatten(1), points[..., _SEEN].flatten(1), view], dim=1)
