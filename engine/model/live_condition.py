"""The condition y of the live model: what the frozen BlazePose network says of a crop, as a sequence of tokens.

A token per part of the body (head, shoulders, elbows, hands, hips, knees, feet) from its landmarks, a token per
position of the two feature maps, one for the view, and a few that summarise all of them: an MLP over the whole crop
mixes what costs many layers of attention, and its weights are used once per crop. Every kind of number is brought to
mean 0 and spread 1 by constants that training measures and checkpoints carry.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from engine.body.skeleton import BLAZEPOSE33_NAMES
from engine.model.attention import init_normal
from engine.model.condition import SelfBlock
from engine.model.config import ConditionConfig, LiveConditionConfig
from engine.model.pose_mlp import ResidualMlp

POINTS = len(BLAZEPOSE33_NAMES)
_POINT_NUMBERS, _POINT_FEATURES, _MAP_CHANNELS, _VIEW_NUMBERS = 8, 48, 288, 3
_DETAILS, _SEEN = slice(2, 6), slice(6, 8)
"""Columns of a point: depth and world coordinates; visibility and in_picture. The first two are its ray."""
_POSITIONS = {"trunk_2": 4, "trunk_4": 16}
_SQUEEZED = 16
"""Channels of each token that the summary reads."""
_LARGEST = 8.0
"""Numbers farther than so many spreads from their mean are cut off."""


@dataclass(frozen=True, slots=True)
class LiveInput:
    """A batch of `engine.runtime.live_numbers.LiveNumbers`; what is not known may hold anything finite."""

    points: Float[Tensor, "batch point 8"]
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
    in_part: Tensor

    def __init__(self, config: ConditionConfig, channels: int) -> None:
        super().__init__()
        self.config = config.live
        self.standards = nn.ModuleDict(
            {
                "points": Standard(_POINT_NUMBERS),
                "at_points": Standard(_POINT_FEATURES),
                "view": Standard(_VIEW_NUMBERS),
            }
            | {name: Standard(_MAP_CHANNELS) for name in _POSITIONS}
        )
        self.register_buffer("used", _used_columns(config.live), persistent=False)
        self.register_buffer("in_part", _membership(), persistent=False)
        inputs = _POINT_NUMBERS + 2 + (_POINT_FEATURES if config.live.at_points else 0)
        self.point_weight = nn.Parameter(torch.randn(POINTS, inputs, channels) * inputs**-0.5)
        self.part = nn.Parameter(torch.randn(len(PARTS), channels) * 0.02)
        self.view = nn.Linear(_VIEW_NUMBERS, channels) if config.live.view else None
        maps = _POSITIONS if config.live.maps else {}
        self.maps = nn.ModuleDict({name: MapTokens(count, channels) for name, count in maps.items()})
        self.blocks = nn.Sequential(*(SelfBlock(channels, config.heads) for _ in range(config.layers)))
        self.blocks.apply(init_normal)
        tokens = len(PARTS) + (self.view is not None) + sum(maps.values())
        self.summary = Summary(tokens, channels, config.live) if config.live.summary_tokens else None
        self.norm = nn.LayerNorm(channels)

    @torch.no_grad()
    def measure(self, crops: LiveInput) -> None:
        """Take the constants from these crops, all of whose numbers must be known."""
        for name, standard in self.standards.items():
            assert isinstance(standard, Standard)
            standard.measure(getattr(crops, name))

    def forward(self, crops: LiveInput) -> Float[Tensor, "batch token channel"]:
        parts = [self._part_tokens(crops)]
        if self.view is not None:
            parts.append(self.view(self.standards["view"](crops.view))[:, None])
        for name, tokens in self.maps.items():
            parts.append(tokens(self.standards[name](getattr(crops, name)), crops.features_known))
        x: Tensor = self.blocks(torch.cat(parts, dim=1))
        if self.summary is not None:
            summary = self.summary(x)
            x = torch.cat([x, summary], dim=1) if self.config.pass_tokens else summary
        sequence: Tensor = self.norm(x)
        return sequence

    def _part_tokens(self, crops: LiveInput) -> Tensor:
        known = crops.points_known[..., None].float()
        detailed = known * crops.features_known[:, None, None].float()
        numbers = self.standards["points"](crops.points) * self.used
        read = [numbers[..., :2] * known, numbers[..., _DETAILS] * detailed, numbers[..., _SEEN] * known]
        read += [known, detailed]
        if self.config.at_points:
            read.append(self.standards["at_points"](crops.at_points) * detailed)
        each = torch.einsum("bpi,pic->bpc", torch.cat(read, dim=-1), self.point_weight)
        return torch.einsum("bpc,tp->btc", each, self.in_part) + self.part


class MapTokens(nn.Module):
    """A token per position of a feature map; a learned vector where the map is not known."""

    def __init__(self, positions: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(_MAP_CHANNELS, channels)
        self.position = nn.Parameter(torch.randn(positions, channels) * 0.02)
        self.unknown = nn.Parameter(torch.randn(channels) * 0.02)

    def forward(
        self, cells: Float[Tensor, "batch position cell"], known: Bool[Tensor, " batch"]
    ) -> Float[Tensor, "batch position channel"]:
        tokens: Tensor = torch.where(known[:, None, None], self.embedding(cells), self.unknown) + self.position
        return tokens


class Summary(nn.Module):
    """A few tokens from all tokens, by residual MLPs over the whole crop."""

    def __init__(self, tokens: int, channels: int, config: LiveConditionConfig) -> None:
        super().__init__()
        width = config.summary_channels
        self.squeeze = nn.Linear(channels, _SQUEEZED)
        self.enter = nn.Linear(tokens * _SQUEEZED, width)
        self.blocks = nn.Sequential(*(ResidualMlp(width, 2) for _ in range(config.summary_blocks)))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.summary_tokens * channels))

    def forward(self, x: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch summary channel"]:
        mixed: Tensor = self.leave(self.blocks(self.enter(self.squeeze(x).flatten(1))))
        return mixed.reshape(x.shape[0], -1, x.shape[-1])


def _parts() -> dict[str, tuple[str, ...]]:
    """Part of the body -> its landmarks: fingers belong to the hand, heel and toes to the foot."""
    parts = {"head": BLAZEPOSE33_NAMES[:11]}
    for side in ("left", "right"):
        parts |= {f"{side}_{name}": (f"{side}_{name}",) for name in ("shoulder", "elbow", "hip", "knee")}
        for part, words in (("hand", ("wrist", "pinky", "index", "thumb")), ("foot", ("ankle", "heel", "foot_index"))):
            parts[f"{side}_{part}"] = tuple(f"{side}_{word}" for word in words)
    return parts


PARTS = _parts()


def _membership() -> Tensor:
    """(part, point) 1 where the landmark belongs to the part; every landmark belongs to one."""
    rows = torch.zeros(len(PARTS), POINTS)
    for row, names in enumerate(PARTS.values()):
        rows[row, [BLAZEPOSE33_NAMES.index(name) for name in names]] = 1.0
    return rows


def _used_columns(config: LiveConditionConfig) -> Tensor:
    used = torch.ones(_POINT_NUMBERS)
    used[_DETAILS] = float(config.world)
    used[_SEEN] = float(config.visibility)
    return used
