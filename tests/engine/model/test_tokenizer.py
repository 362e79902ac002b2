"""The tokenizer's promises, for the paper's bottleneck and for ours, with fresh weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from engine.model.bottleneck import AxisBottleneck, StagedBottleneck
from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.tokenizer import Tokenizer, disturb

PAPER_LIKE = TokenizerConfig(
    tokens=20,
    levels=(7, 5, 5),
    encoder=LocalMlpConfig(blocks=2, channels=24),
    decoder=LocalMlpConfig(blocks=1, channels=12),
)
STAGED = dataclasses.replace(PAPER_LIKE, tokens=60, stages=3, mix_channels=4, fourier_octaves=2)


@pytest.fixture(params=[PAPER_LIKE, STAGED], ids=["paper", "staged"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    torch.manual_seed(0)
    return Tokenizer(request.param).eval()


def poses_mm(count: int = 4) -> torch.Tensor:
    joints = 300 * torch.randn(count, 17, 3, generator=torch.Generator().manual_seed(5))
    return joints - joints[:, :1]


def test_tokens_and_poses_have_the_stated_shape_and_range(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(poses_mm())
    assert tokens.shape == (4, tokenizer.tokens)
    assert tokens.min() >= 0
    assert tokens.max() < tokenizer.codes
    decoded = tokenizer.decode(tokens)
    assert decoded.shape == (4, 17, 3)
    assert not decoded[:, 0].any()


def test_only_the_pose_counts_not_where_it_stands(tokenizer: Tokenizer) -> None:
    # Whole millimetres: subtraction is exact, so both give the same input.
    joints = poses_mm().round()
    assert torch.equal(tokenizer.encode(joints), tokenizer.encode(joints + torch.tensor([10.0, -20.0, 4000.0])))


def test_forward_is_encode_and_decode(tokenizer: Tokenizer) -> None:
    joints = poses_mm()
    both = tokenizer(joints)
    torch.testing.assert_close(both.joints_mm, tokenizer.decode(tokenizer.encode(joints)))
    assert torch.equal(tokenizer.quantiser.indices_of(both.codes), tokenizer.encode(joints))


def test_soft_decoding_of_certainty_is_decoding(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(poses_mm())
    sure = torch.nn.functional.one_hot(tokens, tokenizer.codes).float()
    torch.testing.assert_close(tokenizer.soft_decode(sure), tokenizer.decode(tokens), atol=1e-2, rtol=1e-4)
    per_level = tokenizer.quantiser.split(tokens)
    parts = [torch.nn.functional.one_hot(per_level[..., i], level) for i, level in enumerate((7, 5, 5))]
    decoded = tokenizer.soft_decode_levels(torch.cat(parts, dim=-1).float())
    torch.testing.assert_close(decoded, tokenizer.decode(tokens), atol=1e-2, rtol=1e-4)


def test_gradients_reach_every_parameter(tokenizer: Tokenizer) -> None:
    tokenizer.config = dataclasses.replace(tokenizer.config, joint_drop=0.5)
    tokenizer.train()
    out = tokenizer(poses_mm(16), torch.Generator().manual_seed(0))
    (out.joints_mm.abs().sum() + out.sketches_mm.abs().sum()).backward()
    without = [name for name, p in tokenizer.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_training_disturbs_as_configured_and_evaluation_does_not(tokenizer: Tokenizer) -> None:
    tokenizer.config = dataclasses.replace(tokenizer.config, joint_drop=0.3, corrupt_poses=1.0, corrupt_share=0.5)
    joints, calm = poses_mm(), tokenizer(poses_mm()).joints_mm
    tokenizer.train()
    first, again, other = (tokenizer(joints, torch.Generator().manual_seed(seed)).joints_mm for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, calm)
    tokenizer.eval()
    assert torch.equal(tokenizer(joints).joints_mm, calm)


def test_disturbing_hits_the_stated_share() -> None:
    quantiser = FiniteScalarQuantiser([7, 5, 5])
    codes = quantiser.codes_of(torch.zeros(3, 4000, dtype=torch.long))
    shares = torch.tensor([0.0, 0.3, 1.0])
    hit = disturb(codes, quantiser, shares=shares, generator=torch.Generator().manual_seed(0)) != codes
    changed = hit.any(-1).float().mean(1)
    # One draw in 175 is the old code again.
    torch.testing.assert_close(changed, shares * (1 - 1 / 175), atol=0.03, rtol=0)


def test_a_dropped_joint_is_not_read() -> None:
    torch.manual_seed(0)
    tokenizer = Tokenizer(STAGED).eval()
    joints, dropped = poses_mm(), torch.zeros(4, 17, dtype=torch.bool)
    dropped[:, 5] = True
    moved = joints.clone()
    moved[:, 5] += 500
    assert torch.equal(tokenizer.compress(joints, dropped).codes, tokenizer.compress(moved, dropped).codes)
    assert not torch.equal(tokenizer.compress(joints).codes, tokenizer.compress(moved).codes)


def test_the_papers_bottleneck_is_two_plain_linear_layers_each_way() -> None:
    torch.manual_seed(0)
    bottleneck = AxisBottleneck(PAPER_LIKE, FiniteScalarQuantiser(PAPER_LIKE.levels))
    x = torch.randn(2, 17, 24)
    latents = bottleneck.project(bottleneck.tokens_from_joints(x.mT).mT)
    expected = bottleneck.quantiser(latents)
    compressed = bottleneck.compress(x, torch.zeros(2, 17, 3))
    torch.testing.assert_close(compressed.codes, expected)
    plain = bottleneck.joints_from_tokens(bottleneck.embedding(expected).mT).mT
    torch.testing.assert_close(bottleneck.expand(expected).features, plain, atol=1e-5, rtol=1e-5)
    assert len(compressed.sketches) == 0


def test_stages_come_nearer_one_after_the_other_before_any_training() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(STAGED, tokens=30, mix_channels=8)
    bottleneck = StagedBottleneck(config, FiniteScalarQuantiser(config.levels))
    joints = poses_mm(64) / 1000
    compressed = bottleneck.compress(torch.zeros(64, 17, 24), joints)
    errors = [(sketch - joints).norm(dim=-1).mean() for sketch in compressed.sketches]
    assert len(errors) == 3
    assert errors[0] > errors[1] > errors[2]
    torch.testing.assert_close(bottleneck.expand(compressed.codes).sketch, compressed.sketches[-1])
