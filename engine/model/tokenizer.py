"""Stage 1: a 3D pose as N tokens and back (Di2Pose section 3.1; PCT's Linear on the joint axis between 17 and N).

Poses enter and leave in millimetres, root-relative (the pelvis is subtracted on both sides); the networks see them
divided by `scale_mm`. Tokens are joint indices 0..codes-1 of the quantiser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from engine.model.bottleneck import AxisBottleneck, Bottleneck, Compressed, StagedBottleneck
from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.local_mlp import LocalMlpBlock
from engine.model.pose_mlp import PassJoints, PoseBottleneck


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What a training step needs."""

    joints_mm: Float[Tensor, "batch joint 3"]
    codes: Float[Tensor, "batch token level"]
    """The encoder's own codes, undisturbed."""
    sketches_mm: Float[Tensor, "stage batch joint 3"]
    """Pose read out linearly after each stage, from undisturbed codes; no stages in the paper's bottleneck."""


class FourierFeatures(nn.Module):
    """Coordinates with sines and cosines of `octaves` halving wavelengths beside them; plain when there are none."""

    frequencies: Tensor

    def __init__(self, octaves: int, longest: float) -> None:
        super().__init__()
        self.channels = 3 * (1 + 2 * octaves)
        frequencies = 2 * math.pi / longest * 2.0 ** torch.arange(octaves)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, joints: Float[Tensor, "batch joint 3"]) -> Float[Tensor, "batch joint channel"]:
        angles = (joints[..., None] * self.frequencies).flatten(-2)
        return torch.cat([joints, angles.sin(), angles.cos()], dim=-1)


class Encoder(nn.Module):
    """Scaled joints to features of every joint."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.encoder.channels
        self.features = FourierFeatures(config.fourier_octaves, config.fourier_longest_mm / config.scale_mm)
        self.embedding = nn.Linear(self.features.channels, width)
        self.dropped_joint = nn.Parameter(torch.zeros(width))
        self.blocks = _blocks(config.encoder)

    def forward(
        self, joints: Float[Tensor, "batch joint 3"], dropped: Bool[Tensor, "batch joint"] | None
    ) -> Float[Tensor, "batch joint channel"]:
        x: Tensor = self.embedding(self.features(joints))
        if dropped is not None:
            x = torch.where(dropped[..., None], self.dropped_joint, x)
        features: Tensor = self.blocks(x)
        return features


class Decoder(nn.Module):
    """Features of every joint to scaled joints, root-relative."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.blocks = _blocks(config.decoder)
        # A bias would be the same for every joint and vanish with the pelvis.
        self.project = nn.Linear(config.decoder.channels, 3, bias=False)
        if config.mix_channels:
            # The sketch is right from the start; corrections begin near zero.
            nn.init.normal_(self.project.weight, std=1e-3)

    def forward(self, x: Float[Tensor, "batch joint channel"]) -> Float[Tensor, "batch joint 3"]:
        joints: Tensor = self.project(self.blocks(x))
        return joints - joints[:, :1]


class Tokenizer(nn.Module):
    """`decode(encode(joints_mm))` is the pose again, up to what training left as error."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.quantiser = FiniteScalarQuantiser(config.levels)
        self.encoder: Encoder | PassJoints
        self.decoder: Decoder | PassJoints
        self.bottleneck: Bottleneck | PoseBottleneck
        if config.layout == "pose":
            self.encoder, self.decoder = PassJoints(), PassJoints()
            self.bottleneck = PoseBottleneck(config, self.quantiser)
            return
        self.encoder = Encoder(config)
        kind = StagedBottleneck if config.mix_channels else AxisBottleneck
        self.bottleneck = kind(config, self.quantiser)
        self.decoder = Decoder(config)

    @property
    def tokens(self) -> int:
        return self.config.tokens

    @property
    def codes(self) -> int:
        return self.config.codes

    def compress(
        self, joints_mm: Float[Tensor, "batch joint 3"], dropped: Bool[Tensor, "batch joint"] | None = None
    ) -> Compressed:
        """Quantised codes in [-1, 1], and the stages' sketches; the gradient reaches the encoder straight through."""
        joints = (joints_mm - joints_mm[:, :1]) / self.config.scale_mm
        if dropped is not None:
            joints = joints.masked_fill(dropped[..., None], 0.0)
        return self.bottleneck.compress(self.encoder(joints, dropped), joints)

    def pose_of_codes(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        """Codes, whole or expected, to a pose in millimetres."""
        expanded = self.bottleneck.expand(codes)
        joints: Tensor = expanded.sketch + self.decoder(expanded.features)
        return joints * self.config.scale_mm

    def encode(self, joints_mm: Float[Tensor, "batch joint 3"]) -> Int[Tensor, "batch token"]:
        return self.quantiser.indices_of(self.compress(joints_mm).codes)

    def decode(self, indices: Int[Tensor, "batch token"]) -> Float[Tensor, "batch joint 3"]:
        """Pose in millimetres, its row 0 zero."""
        return self.pose_of_codes(self.quantiser.codes_of(indices))

    def soft_decode(self, probabilities: Float[Tensor, "batch token code"]) -> Float[Tensor, "batch joint 3"]:
        """Pose of the expected codes under a distribution over the joint alphabet; differentiable."""
        return self.pose_of_codes(self.quantiser.expected_codes(probabilities))

    def soft_decode_levels(self, probabilities: Float[Tensor, "batch token value"]) -> Float[Tensor, "batch joint 3"]:
        """The same from one distribution per level, laid side by side (27 values for [7, 5, 5, 5, 5])."""
        return self.pose_of_codes(self.quantiser.expected_codes_of_levels(probabilities))

    def forward(
        self, joints_mm: Float[Tensor, "batch joint 3"], generator: torch.Generator | None = None
    ) -> Reconstruction:
        """There and back. In training mode joints are dropped and tokens disturbed as the configuration says."""
        compressed = self.compress(joints_mm, self._dropped(joints_mm, generator))
        codes = self._disturbed(compressed.codes, generator)
        sketches_mm = compressed.sketches * self.config.scale_mm
        return Reconstruction(self.pose_of_codes(codes), compressed.codes, sketches_mm)

    def _dropped(self, joints_mm: Tensor, generator: torch.Generator | None) -> Tensor | None:
        if not self.training or self.config.joint_drop == 0:
            return None
        chance = torch.rand(joints_mm.shape[:2], generator=generator, device=joints_mm.device)
        return chance < self.config.joint_drop

    def _disturbed(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.training or self.config.corrupt_poses * self.config.corrupt_share == 0:
            return codes
        return disturb(codes, self.quantiser, shares=self._corrupt_shares(codes, generator), generator=generator)

    def _corrupt_shares(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        chosen = torch.rand(len(codes), generator=generator, device=codes.device) < self.config.corrupt_poses
        share = torch.rand(len(codes), generator=generator, device=codes.device) * self.config.corrupt_share
        return share * chosen


def disturb(
    codes: Float[Tensor, "batch token level"],
    quantiser: FiniteScalarQuantiser,
    *,
    shares: Float[Tensor, " batch"],
    generator: torch.Generator | None,
) -> Float[Tensor, "batch token level"]:
    """Replaces each token with the chance that `shares` gives its pose by one drawn evenly from the whole alphabet."""
    size, device = codes.shape[:2], codes.device
    hit = torch.rand(size, generator=generator, device=device) < shares[:, None]
    drawn = torch.randint(quantiser.codes, size, generator=generator, device=device)
    return torch.where(hit[..., None], quantiser.codes_of(drawn).to(codes.dtype), codes)


def _blocks(config: LocalMlpConfig) -> nn.Sequential:
    return nn.Sequential(
        *(
            LocalMlpBlock(config.channels, config.shift_groups, mlp_ratio=config.mlp_ratio, linears=config.linears)
            for _ in range(config.blocks)
        )
    )
