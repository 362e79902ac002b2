"""The condition y of the live model: what the frozen BlazePose network says of a crop, as a sequence of tokens.

Everything that is known of a crop goes through residual MLPs at once: which of two depths is meant shows only in the
whole body. A network that sees the crop as one vector uses each weight once per crop, so it can be wide where the time
of a crop is a few milliseconds, and it learns lifting from millions of simulated people in minutes. Every kind of
number is brought to mean 0 and spread 1 by constants that training measures and checkpoints carry.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from engine.body.skeleton import BLAZEPOSE33_NAMES
from engine.model.config import ConditionConfig, LiveConditionConfig
from engine.model.pose_mlp import ResidualMlp

POINTS = len(BLAZEPOSE33_NAMES)
POINT_NUMBERS, POINT_FEATURES, MAP_CHANNELS, VIEW_NUMBERS = 17, 48, 288, 3
_DETAILS, _SEEN, _PEAKS = slice(2, 6), slice(6, 8), slice(8, POINT_NUMBERS)
"""Columns of a point: depth and world coordinates; visibility and in_picture; peaks of its heatmap. The first two are
its ray. As in `engine.runtime.live_numbers`, which needs no torch."""
POSITIONS = {"trunk_2": 4, "trunk_4": 16}
_SQUEEZED_POINT, _SQUEEZED_CELL = 6, 12
"""Channels that are kept of the image features at a landmark and of a cell of a map."""
_COOL = 0.2
"""A peak of this heat is drawn half the way to its landmark; where a joint is in plain sight, others are far colder."""
_FARTHEST = -1.9
"""Logarithm of the half angle's tangent below which the view counts as this one, that of a person some 7 m away: what
perspective shows there is little, and a network that has seen people up to 10 m makes whom it is told to be farther
smaller."""
_LARGEST = 8.0
"""Numbers farther than so many spreads from their mean are cut off."""


@dataclass(frozen=True, slots=True)
class LiveInput:
    """A batch of `engine.runtime.live_numbers.LiveNumbers`; what is not known may hold anything finite."""

    points: Float[Tensor, "batch point 17"]
    at_points: Float[Tensor, "batch point 48"]
    trunk_2: Float[Tensor, "batch 4 288"]
    trunk_4: Float[Tensor, "batch 16 288"]
    view: Float[Tensor, "batch 3"]
    points_known: Bool[Tensor, "batch point"]
    features_known: Bool[Tensor, " batch"]
    """False: depth, world coordinates and image features are not read."""

    def __len__(self) -> int:
        return len(self.points)

    def rows(self, start: int, stop: int) -> LiveInput:
        return LiveInput(*[getattr(self, field.name)[start:stop] for field in fields(self)])

    def to(self, device: torch.device) -> LiveInput:
        return LiveInput(*[getattr(self, field.name).to(device) for field in fields(self)])

    def without_features(self, hidden: Bool[Tensor, " batch"]) -> LiveInput:
        return replace(self, features_known=self.features_known & ~hidden)


class Standard(nn.Module):
    """(x - mean) / spread per channel, cut off; the constants are part of the state."""

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def forward(self, x: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch channel"]:
        return ((x - self.mean) / self.spread).clamp(-_LARGEST, _LARGEST)

    def measure(self, x: Float[Tensor, "*batch channel"]) -> None:
        flat = x.flatten(0, -2).double()
        self.mean.copy_(flat.mean(dim=0))
        self.spread.copy_(flat.std(dim=0, correction=0).clamp(min=1e-4))


class LiveCondition(nn.Module):
    """(batch, token, channel) from a `LiveInput`; which groups are read stands in the configuration."""

    used: Tensor

    def __init__(self, config: ConditionConfig, channels: int) -> None:
        super().__init__()
        self.config = config.live
        width = self.config.width
        self.standards = nn.ModuleDict({"points": Standard(POINT_NUMBERS)})
        self.register_buffer("used", _used_columns(self.config), persistent=False)
        inputs = POINTS * (POINT_NUMBERS + 1) + 1
        if self.config.view:
            self.standards["view"] = Standard(VIEW_NUMBERS)
            inputs += VIEW_NUMBERS
        self.squeeze_points = None
        if self.config.at_points:
            self.standards["at_points"] = Standard(POINT_FEATURES)
            kept = torch.randn(POINTS, POINT_FEATURES, _SQUEEZED_POINT) * POINT_FEATURES**-0.5
            self.squeeze_points = nn.Parameter(kept)
            inputs += POINTS * _SQUEEZED_POINT
        self.squeeze_maps = nn.ModuleDict()
        if self.config.maps:
            for name, positions in POSITIONS.items():
                self.standards[name] = Standard(MAP_CHANNELS)
                self.squeeze_maps[name] = nn.Linear(MAP_CHANNELS, _SQUEEZED_CELL)
                inputs += positions * _SQUEEZED_CELL
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.Sequential(*(ResidualMlp(width, 1) for _ in range(self.config.blocks)))
        self.norm = nn.LayerNorm(width)
        self.tokens = nn.Linear(width, self.config.tokens * channels)
        self.channels = channels

    @torch.no_grad()
    def measure(self, crops: LiveInput) -> None:
        """Take the constants from these crops, all of whose numbers must be known."""
        for name, standard in self.standards.items():
            assert isinstance(standard, Standard)
            numbers = getattr(crops, name)
            standard.measure(_READ_AS[name](numbers) if name in _READ_AS else numbers)

    def forward(self, crops: LiveInput) -> Float[Tensor, "batch token channel"]:
        sequence: Tensor = self.tokens(self.crop_features(crops))
        return sequence.reshape(-1, self.config.tokens, self.channels)

    def crop_features(self, crops: LiveInput) -> Float[Tensor, "batch width"]:
        """The crop as one vector, of which the tokens are made."""
        features: Tensor = self.norm(self.blocks(self.enter(self._numbers(crops))))
        return features

    def _numbers(self, crops: LiveInput) -> Tensor:
        known, detailed = crops.points_known[..., None].float(), crops.features_known[:, None].float()
        points = self.standards["points"](settled(crops.points)) * self.used * known
        details = points[..., _DETAILS] * detailed[..., None]
        points = torch.cat([points[..., :2], details, points[..., 6:]], dim=-1)
        read = [points.flatten(1), known.flatten(1), detailed]
        if self.config.view:
            read.append(self.standards["view"](near(crops.view)))
        if self.squeeze_points is not None:
            at_points = self.standards["at_points"](crops.at_points) * known
            squeezed = torch.einsum("bpi,pic->bpc", at_points, self.squeeze_points)
            read.append(squeezed.flatten(1) * detailed)
        for name, squeeze in self.squeeze_maps.items():
            cells: Tensor = squeeze(self.standards[name](getattr(crops, name)))
            read.append(cells.flatten(1) * detailed)
        return torch.cat(read, dim=-1)


def settled(points: Float[Tensor, "*batch 17"]) -> Float[Tensor, "*batch 17"]:
    """The same with each peak drawn to its landmark as far as it is cold: the hottest cell of a cold map is noise, and
    made joints tremble."""
    peaks = points[..., _PEAKS].reshape(*points.shape[:-1], -1, 3)
    ray, heat = points[..., None, :2], peaks[..., 2:]
    places = ray + heat / (heat + _COOL) * (peaks[..., :2] - ray)
    return torch.cat([points[..., : _PEAKS.start], torch.cat([places, heat], dim=-1).flatten(-2)], dim=-1)


def near(view: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """The same with nobody farther away than `_FARTHEST`."""
    return torch.cat([view[..., :1].clamp(min=_FARTHEST), view[..., 1:]], dim=-1)


_READ_AS = {"points": settled, "view": near}
"""What is done to numbers before they are brought to mean 0 and spread 1."""


def _used_columns(config: LiveConditionConfig) -> Tensor:
    used = torch.ones(POINT_NUMBERS)
    used[_DETAILS] = float(config.world)
    used[_SEEN] = float(config.visibility)
    used[_PEAKS] = float(config.peaks)
    return used
