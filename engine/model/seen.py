"""Which joints the crop shows, from where BlazePose puts its landmarks, how sure it is of each, and where
else it would put them.

BlazePose's own visibility misses most joints behind things: of the hidden joints of rendered people it names 29 %.
The renderer knows which joints are seen, so the answer can be learned from them (`training/fit_seen.py`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.model.bottleneck import JOINTS
from engine.model.live_condition import POINT_NUMBERS, POINTS, VIEW_NUMBERS, Standard

_RAYS = [0, 1, *(column + axis for column in range(8, POINT_NUMBERS, 3) for axis in (0, 1))]
_SURE = [6, 7, *range(10, POINT_NUMBERS, 3)]
"""Columns of a point, as in `engine.runtime.live_numbers`: rays of the landmark and its peaks; visibility, in_picture
and heats."""
_FARTHEST_RAY = 2.0
_INPUTS = (len(_RAYS) + len(_SURE)) * POINTS + VIEW_NUMBERS


class SeenHead(nn.Module):
    """Landmarks, peaks of their heatmaps and view of a crop -> probability that each joint is seen."""

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
    rays = points[..., _RAYS].clamp(-_FARTHEST_RAY, _FARTHEST_RAY)
    return torch.cat([rays.flatten(1), points[..., _SURE].flatten(1), view], dim=1)
