"""Between encoder and decoder: joints' features to token codes, and codes to what the decoder starts from.

`AxisBottleneck` is the paper's (PCT's) way: one Linear on the joint axis 17 -> N, one on the channels D -> d, and back.
`StagedBottleneck` is ours: tokens come in stages, each quantises what the stages before left over, larger by a learned
gain, as in residual quantisation (SoundStream, Zeghidour et al., 2021). The running sum of the stages' linear
read-outs, the sketch, reaches millimetres within a few hundred steps of training, where one stage has to learn such a
positional code by gradient descent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.body.skeleton import H36M17
from engine.model.config import TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser

JOINTS = len(H36M17.names)
COORDINATES = 3 * JOINTS


@dataclass(frozen=True, slots=True)
class Compressed:
    codes: Float[Tensor, "batch token level"]
    sketches: Float[Tensor, "stage batch joint 3"]
    """Scaled pose after each stage; no stages in `AxisBottleneck`."""


@dataclass(frozen=True, slots=True)
class Expanded:
    features: Float[Tensor, "batch joint channel"]
    sketch: Float[Tensor, "batch joint 3"]
    """Scaled pose that the decoder corrects; zero in `AxisBottleneck`."""


class AxisBottleneck(nn.Module):
    """The two maps act on different axes, so the narrow one goes first: the same product, fewer operations."""

    def __init__(self, config: TokenizerConfig, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        levels = len(config.levels)
        self.quantiser = quantiser
        self.tokens_from_joints = nn.Linear(JOINTS, config.tokens)
        self.project = nn.Linear(config.encoder.channels, levels)
        self.embedding = nn.Linear(levels, config.decoder.channels)
        self.joints_from_tokens = nn.Linear(config.tokens, JOINTS)

    def compress(self, x: Float[Tensor, "batch joint channel"], joints: Float[Tensor, "batch joint 3"]) -> Compressed:
        narrow = nn.functional.linear(x, self.project.weight)
        # The joint axis' bias meets every channel, so it passes the channel map too.
        token_bias = self.tokens_from_joints.bias[:, None] * self.project.weight.sum(dim=1)
        latents = nn.functional.linear(narrow.mT, self.tokens_from_joints.weight).mT + token_bias + self.project.bias
        return Compressed(self.quantiser(latents), joints.new_zeros(0, *joints.shape))

    def expand(self, codes: Float[Tensor, "batch token level"]) -> Expanded:
        narrow = nn.functional.linear(codes.mT, self.joints_from_tokens.weight).mT
        joint_bias = self.joints_from_tokens.weight.sum(dim=1)[:, None] * self.embedding.bias
        features = nn.functional.linear(narrow, self.embedding.weight) + joint_bias
        return Expanded(features + self.joints_from_tokens.bias[:, None], codes.new_zeros(codes.shape[0], JOINTS, 3))


class Stage(nn.Module):
    """One stage: `tokens` tokens for what is left of the pose, times a gain."""

    def __init__(self, config: TokenizerConfig, quantiser: FiniteScalarQuantiser, *, tokens: int, gain: float) -> None:
        super().__init__()
        latents = tokens * len(config.levels)
        self.quantiser = quantiser
        self.of_features = nn.Linear(JOINTS * config.mix_channels, latents)
        self.of_rest = nn.Linear(COORDINATES, latents, bias=False)
        self.read_out = nn.Linear(latents, COORDINATES)
        self.log_gain = nn.Parameter(torch.tensor(gain).log())
        self._start_as_linear_code()

    def forward(self, features: Tensor, rest: Float[Tensor, "batch coordinate"]) -> Float[Tensor, "batch token level"]:
        latents = self.of_features(features) + self.of_rest(rest * self.log_gain.exp())
        codes: Tensor = self.quantiser(latents.view(latents.shape[0], -1, len(self.quantiser.levels)))
        return codes

    def read(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch coordinate"]:
        rest: Tensor = self.read_out(codes.flatten(1)) / self.log_gain.exp()
        return rest

    def _start_as_linear_code(self) -> None:
        """Orthogonal projections and their pseudo-inverse: a usable quantiser before the first step.

        Plain random ones are badly conditioned where there are about as many latents as coordinates.
        """
        spare = self.of_rest.out_features / COORDINATES
        nn.init.orthogonal_(self.of_rest.weight, gain=max(1.0, spare) ** 0.5)
        nn.init.normal_(self.of_features.weight, std=0.1 * self.of_features.in_features**-0.5)
        with torch.no_grad():
            self.read_out.weight.copy_(torch.linalg.pinv(self.of_rest.weight))
            self.read_out.bias.zero_()


class StagedBottleneck(nn.Module):
    def __init__(self, config: TokenizerConfig, quantiser: FiniteScalarQuantiser) -> None:
        super().__init__()
        mix = config.mix_channels
        self.tokens_of_stage = [len(part) for part in torch.arange(config.tokens).tensor_split(config.stages)]
        self.narrow = nn.Linear(config.encoder.channels, mix)
        self.stages = nn.ModuleList(
            Stage(config, quantiser, tokens=tokens, gain=config.stage_gain * config.stage_ratio**index)
            for index, tokens in enumerate(self.tokens_of_stage)
        )
        self.mix = nn.Linear(config.tokens * len(config.levels), JOINTS * mix)
        self.widen = nn.Linear(mix, config.decoder.channels)
        self.of_sketch = nn.Linear(3, config.decoder.channels)

    def compress(self, x: Float[Tensor, "batch joint channel"], joints: Float[Tensor, "batch joint 3"]) -> Compressed:
        features, pose = self.narrow(x).flatten(1), joints.flatten(1)
        sketch, codes, sketches = torch.zeros_like(pose), [], []
        for stage in self._stages():
            codes.append(stage(features, pose - sketch))
            sketch = sketch + stage.read(codes[-1])
            sketches.append(_as_pose(sketch))
        return Compressed(torch.cat(codes, dim=1), torch.stack(sketches))

    def expand(self, codes: Float[Tensor, "batch token level"]) -> Expanded:
        parts = codes.split_with_sizes(self.tokens_of_stage, dim=1)
        read = [stage.read(part) for stage, part in zip(self._stages(), parts, strict=True)]
        sketch = _as_pose(torch.stack(read).sum(dim=0))
        mixed = self.mix(codes.flatten(1)).view(codes.shape[0], JOINTS, -1)
        return Expanded(self.widen(mixed) + self.of_sketch(sketch), sketch)

    def _stages(self) -> list[Stage]:
        return list(self.stages)  # type: ignore[arg-type]


Bottleneck: TypeAlias = AxisBottleneck | StagedBottleneck


def _as_pose(flat: Float[Tensor, "batch coordinate"]) -> Float[Tensor, "batch joint 3"]:
    """Root-relative, as everything outside is."""
    pose = flat.view(-1, JOINTS, 3)
    return pose - pose[:, :1]
