"""The two-stage layout: same interface as the other, its parts trained once, the second stage a correction."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.model.config import LocalMlpConfig, TokenizerConfig
from engine.model.config_reading import ConfigError
from engine.model.tokenizer import Tokenizer

POSES = torch.randn(5, 17, 3, generator=torch.Generator().manual_seed(0)) * 250
STACK = LocalMlpConfig(blocks=1, channels=12, mlp_ratio=2)
TINY = TokenizerConfig(6, (5, 3), STACK, STACK, layout="pose", stages=2, scale_mm=250.0)


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("tokens", [6, 7])
def test_pose_to_tokens_to_pose(tokens: int, stages: int) -> None:
    tokenizer = Tokenizer(replace(TINY, tokens=tokens, stages=stages)).eval()
    indices = tokenizer.encode(POSES)
    assert indices.shape == (5, tokens) and int(indices.min()) >= 0 and int(indices.max()) < tokenizer.codes
    decoded = tokenizer.decode(indices)
    assert decoded.shape == (5, 17, 3) and bool((decoded[:, 0] == 0).all())
    torch.testing.assert_close(tokenizer(POSES).joints_mm, decoded)


def test_only_the_first_half_of_the_tokens_makes_the_coarse_pose() -> None:
    tokenizer = Tokenizer(TINY).eval()
    bottleneck = tokenizer.bottleneck
    codes = torch.rand(5, 6, 2)
    changed = torch.cat([codes[:, :3], -codes[:, 3:]], dim=1)
    assert torch.equal(bottleneck.coarse(codes), bottleneck.coarse(changed))
    assert not torch.equal(tokenizer.pose_of_codes(codes), tokenizer.pose_of_codes(changed))


def test_one_token_cannot_be_shared_by_two_stages() -> None:
    with pytest.raises(ConfigError, match="at most tokens = 1"):
        replace(TINY, tokens=1)


def test_fourier_features_are_refused() -> None:
    with pytest.raises(ConfigError, match="fourier_octaves, got 4; use 0"):
        replace(TINY, fourier_octaves=4)
