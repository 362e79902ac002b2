"""The finished live model as one function of arrays: pose, spread and hypotheses of crops. Randomness is an input.

One pass from all Occ gives a distribution per level of every token. Decoded softly it is the estimate, the mean over
all poses as far as the decoder is linear; drawn from, it starts the hypotheses, which further passes may refine in the
order of `Diffusion.sample_purity`. Everything has fixed sizes but the batch, so the function becomes one graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from engine.body.skeleton_map import LOW_HIPS
from engine.model import checkpoint
from engine.model.checkpoint import CheckpointError
from engine.model.config_reading import ConfigError
from engine.model.denoiser import Context
from engine.model.di2pose import LiveDi2Pose, build_live_di2pose
from engine.model.diffusion import open_after
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.heads import LevelHead
from engine.model.live_condition import LiveInput
from engine.model.seen import SeenHead
from engine.model.spread import SpreadHead, scatter_of

GUMBEL = 4.5
"""Noise on the confidences, times the share of passes left: MaskGIT's published value."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw of all tokens."""

    level_indices: Int[Tensor, "batch token level"]
    log_p: Float[Tensor, "batch token"]


class LivePose(nn.Module):
    """(points, at_points, trunk_2, trunk_4, view, noise) -> joints_mm, spread_mm, seen, hypotheses_mm in virtual axes.

    Joints are those of the pose stream (`LOW_HIPS`), while the model itself speaks of Human3.6M's.

    `noise` is standard Gumbel noise of the shape `noise_shape`, the same for every crop of the batch: equal noise in
    every frame keeps hypotheses of a still person still.
    """

    low_hips: Tensor

    def __init__(self, model: LiveDi2Pose, spread: SpreadHead, seen: SeenHead, *, passes: int, hypotheses: int) -> None:
        super().__init__()
        if not isinstance(model.denoiser.head, LevelHead):
            raise TypeError("the live model draws level by level and needs a denoiser with head 'levels'")
        self.model, self.spread, self.seen = model, spread, seen
        self.passes, self.hypotheses = passes, hypotheses
        self.register_buffer("low_hips", torch.tensor(LOW_HIPS, dtype=torch.float32), persistent=False)

    @property
    def noise_shape(self) -> tuple[int, int, int, int]:
        """(hypothesis, pass, token, value): a number per value of each level, and one more for the confidence."""
        quantiser = self.model.tokenizer.quantiser
        return self.hypotheses, self.passes, self.model.tokenizer.tokens, sum(quantiser.levels) + 1

    def forward(
        self, points: Tensor, at_points: Tensor, trunk_2: Tensor, trunk_4: Tensor, view: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        all_points = torch.ones_like(points[..., 0], dtype=torch.bool)
        crops = LiveInput(points, at_points, trunk_2, trunk_4, view, all_points, all_points[:, 0])
        condition = self.model.live_condition(crops)
        joints, hypotheses = (self.low_hips @ poses for poses in self.poses(condition, noise))
        seen = self.seen(points, view)
        return joints, self.spread(scatter_of(hypotheses, joints), seen), seen, hypotheses

    def poses(self, condition: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The estimate (batch, 17, 3) and the hypotheses (batch, hypothesis, 17, 3), Human3.6M's joints."""
        model = self.model
        head, quantiser = model.denoiser.head, model.tokenizer.quantiser
        assert isinstance(head, LevelHead)
        context = model.denoiser.context(condition)
        batch = condition.shape[0]  # len() would fix it in an exported graph
        # All begin alike, so one row does for all; what it goes through before it meets the condition is constant.
        tokens = torch.full((1, model.tokenizer.tokens), model.diffusion.occ, device=condition.device)
        step = torch.full_like(tokens[:, 0], model.diffusion.schedule.steps)
        first = head.log_levels(model.denoiser.features(tokens, step, context=context))
        expected = quantiser.expected_codes_of_levels(first.exp())

        drawn = self._drawn_codes(first, context, noise)
        codes = torch.cat([expected[:, None], drawn.reshape(batch, self.hypotheses, *drawn.shape[1:])], dim=1)
        decoded = model.tokenizer.pose_of_codes(codes.flatten(0, 1))
        decoded = decoded.reshape(batch, 1 + self.hypotheses, *decoded.shape[1:])
        return decoded[:, 0], decoded[:, 1:]

    def _drawn_codes(self, first: Tensor, context: Context, noise: Tensor) -> Tensor:
        """(batch * hypothesis, token, level) drawn from `first`, the distribution of the first pass, and refined."""
        model, batch = self.model, first.shape[0]
        head, quantiser, count = model.denoiser.head, model.tokenizer.quantiser, model.tokenizer.tokens
        assert isinstance(head, LevelHead)
        noise = noise.expand(batch, *noise.shape).flatten(0, 1)
        log_levels = first[:, None].expand(-1, self.hypotheses, -1, -1).flatten(0, 1)
        contexts = tuple(memory.repeat(self.hypotheses) for memory in context)
        tokens = torch.full((batch * self.hypotheses, count), model.diffusion.occ, device=first.device)
        for done in range(1, self.passes + 1):
            if done > 1:
                open_share = open_after(done - 1, self.passes, count) / count
                step = torch.full_like(tokens[:, 0], model.diffusion.step_of_open_share(open_share))
                log_levels = head.log_levels(model.denoiser.features(tokens, step, context=contexts))
            drawn = drawn_levels(log_levels, noise[:, done - 1, :, :-1], quantiser)
            was_open = tokens == model.diffusion.occ
            tokens = torch.where(was_open, quantiser.join(drawn.level_indices), tokens)
            if still_open := open_after(done, self.passes, count):
                doubt = GUMBEL * (1 - done / self.passes) * noise[:, done - 1, :, -1]
                confidence = (drawn.log_p + doubt).masked_fill(~was_open, math.inf)
                least = confidence.topk(still_open, dim=1, largest=False).indices
                tokens = tokens.scatter(1, least, model.diffusion.occ)
        return quantiser.codes_of(tokens)


def load_live_pose(name_or_path: str | Path) -> LivePose:
    """A finished live model in evaluation mode, drawing as its configuration says.

    CheckpointError where the checkpoint is none or was not finished, ConfigError where its sampler is another
    than `purity`.
    """
    stored = checkpoint.read(name_or_path)
    if "spread" not in stored.card["parts"]:
        raise CheckpointError(f"{name_or_path}: it states no doubt yet; run `di2pose train doubt` on it first")
    sampling = stored.config.sampling
    if sampling.sampler != "purity":
        raise ConfigError(f"sampling.sampler is {sampling.sampler!r}; the live model draws by 'purity'")
    pose = LivePose(
        build_live_di2pose(stored.config),
        SpreadHead(),
        SeenHead(),
        passes=sampling.steps,
        hypotheses=sampling.hypotheses,
    )
    for name in ("tokenizer", "denoiser", "live_condition"):
        checkpoint.load_state(name, getattr(pose.model, name), stored.part(name))
    for name in ("spread", "seen"):
        checkpoint.load_state(name, getattr(pose, name), stored.part(name))
    return pose.eval()


def drawn_levels(
    log_levels: Float[Tensor, "batch token value"], noise: Float[Tensor, "batch token value"],
    quantiser: FiniteScalarQuantiser,
) -> Drawn:  # fmt: skip
    """One value of each level, by the largest sum of logarithm and Gumbel noise."""
    parts = zip(
        log_levels.split_with_sizes(quantiser.levels, dim=-1),
        noise.split_with_sizes(quantiser.levels, dim=-1),
        strict=True,
    )
    indices, log_p = [], torch.zeros_like(log_levels[..., 0])
    for part, part_noise in parts:
        index = (part + part_noise).argmax(dim=-1)
        log_p = log_p + part.gather(-1, index[..., None])[..., 0]
        indices.append(index)
    return Drawn(torch.stack(indices, dim=-1), log_p)


def gumbel_noise(shape: tuple[int, ...], seed: int) -> Float[Tensor, "*shape"]:
    """Standard Gumbel noise, the same for the same seed."""
    uniform = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).clamp(min=1e-12)
    return -(-uniform.log()).log().float()
