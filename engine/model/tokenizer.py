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

from engine.body.skeleton import H36M17
from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.local_mlp import LocalMlpBlock
from engine.model.pose_mlp import PoseDecoder, PoseEncoder

JOINTS = len(H36M17.names)


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What a training step needs."""

    joints_mm: Float[Tensor, "batch joint 3"]
    codes: Float[Tensor, "batch token level"]
    """The encoder's own codes, undisturbed."""


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
    """Scaled joints to latents before quantisation."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.encoder.channels
        self.features = FourierFeatures(config.fourier_octaves, config.fourier_longest_mm / config.scale_mm)
        self.embedding = nn.Linear(self.features.channels, width)
        self.dropped_joint = nn.Parameter(torch.zeros(width))
        self.blocks = _blocks(config.encoder)
        self.tokens_from_joints = nn.Linear(JOINTS, config.tokens)
        self.project = nn.Linear(width, len(config.levels))

    def forward(
        self, joints: Float[Tensor, "batch joint 3"], dropped: Bool[Tensor, "batch joint"] | None = None
    ) -> Float[Tensor, "batch token level"]:
        x = self.embedding(self.features(joints))
        if dropped is not None:
            x = torch.where(dropped[..., None], self.dropped_joint, x)
        x = self.blocks(x)
        # The two linear maps act on different axes, so the narrow one goes first: the same product, fewer operations.
        latents: Tensor = self.tokens_from_joints(nn.functional.linear(x, self.project.weight).mT).mT
        return latents + self.project.bias


class Decoder(nn.Module):
    """Codes (whole or expected) to scaled joints."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        width = config.decoder.channels
        self.embedding = nn.Linear(len(config.levels), width)
        self.joints_from_tokens = nn.Linear(config.tokens, JOINTS)
        self.blocks = _blocks(config.decoder)
        self.project = nn.Linear(width, 3)

    def forward(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        x = self.joints_from_tokens(self.embedding(codes).mT).mT
        joints: Tensor = self.project(self.blocks(x))
        return joints - joints[:, :1]


class Tokenizer(nn.Module):
    """`decode(encode(joints_mm))` is the pose again, up to what training left as error."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.quantiser = FiniteScalarQuantiser(config.levels)
        self.encoder: Encoder | PoseEncoder
        self.decoder: Decoder | PoseDecoder
        if config.layout == "pose":
            self.decoder = PoseDecoder(config)
            self.encoder = PoseEncoder(config, self.quantiser, self.decoder)
        else:
            self.encoder, self.decoder = Encoder(config), Decoder(config)

    @property
    def tokens(self) -> int:
        return self.config.tokens

    @property
    def codes(self) -> int:
        return self.config.codes

    def codes_of_pose(
        self, joints_mm: Float[Tensor, "batch joint 3"], dropped: Bool[Tensor, "batch joint"] | None = None
    ) -> Float[Tensor, "batch token level"]:
        """Quantised codes in [-1, 1]; the gradient reaches the encoder straight through."""
        joints = (joints_mm - joints_mm[:, :1]) / self.config.scale_mm
        codes: Tensor = self.quantiser(self.encoder(joints, dropped))
        return codes

    def pose_of_codes(self, codes: Float[Tensor, "batch token level"]) -> Float[Tensor, "batch joint 3"]:
        joints: Tensor = self.decoder(codes)
        return joints * self.config.scale_mm

    def encode(self, joints_mm: Float[Tensor, "batch joint 3"]) -> Int[Tensor, "batch token"]:
        return self.quantiser.indices_of(self.codes_of_pose(joints_mm))

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
        if not self.training:
            codes = self.codes_of_pose(joints_mm)
            return Reconstruction(self.pose_of_codes(codes), codes)
        codes = self.codes_of_pose(joints_mm, self._dropped(joints_mm, generator))
        return Reconstruction(self.pose_of_codes(self._disturbed(codes, generator)), codes)

    def _dropped(self, joints_mm: Tensor, generator: torch.Generator | None) -> Tensor | None:
        if self.config.joint_drop == 0:
            return None
        chance = torch.rand(joints_mm.shape[:2], generator=generator, device=joints_mm.device)
        return chance < self.config.joint_drop

    def _disturbed(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.config.corrupt_poses * self.config.corrupt_share == 0:
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
