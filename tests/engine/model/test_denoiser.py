"""The denoiser: what it promises of its output, and that its caches change nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from engine.model.config import DenoiserConfig
from engine.model.denoiser import Denoiser
from engine.model.fsq import FiniteScalarQuantiser

TOKENS, STEPS, BATCH = 6, 10, 3
CONFIG = DenoiserConfig(layers=2, heads=2, channels=16, condition_channels=8)


@pytest.fixture(params=[("joint", "table"), ("levels", "codes")], ids=["joint", "levels"])
def denoiser(request: pytest.FixtureRequest) -> Denoiser:
    torch.manual_seed(0)
    head, token_input = request.param
    config = dataclasses.replace(CONFIG, head=head, token_input=token_input)
    model = Denoiser(config, FiniteScalarQuantiser([4, 5]), tokens=TOKENS, steps=STEPS)
    for parameter in model.parameters():  # larger than at the start, so that every part can be seen in the output
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def condition() -> torch.Tensor:
    return torch.randn(BATCH, 5, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(21, (BATCH, TOKENS), generator=torch.Generator().manual_seed(2))


STEP = torch.tensor([1, 4, 10])


def test_the_output_is_normalised_over_codes_without_occ(
    denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor
) -> None:
    log_p = denoiser(tokens, STEP, condition)
    assert log_p.shape == (BATCH, TOKENS, 20)
    torch.testing.assert_close(log_p.logsumexp(-1), torch.zeros(BATCH, TOKENS), atol=1e-5, rtol=0)


def test_cached_equals_uncached(denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor) -> None:
    uncached = denoiser(tokens, STEP, condition)
    torch.testing.assert_close(denoiser.predictor(condition)(tokens, STEP), uncached, atol=1e-5, rtol=1e-5)


def test_hypotheses_of_one_pose_share_its_condition(
    denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor
) -> None:
    rows = tokens.repeat_interleave(4, dim=0)
    predicted = denoiser.predictor(condition, hypotheses=4)(rows, STEP.repeat_interleave(4))
    expected = denoiser(tokens, STEP, condition).repeat_interleave(4, dim=0)
    torch.testing.assert_close(predicted, expected, atol=1e-5, rtol=1e-5)


def test_tokens_step_position_and_condition_all_matter(
    denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor
) -> None:
    base = denoiser(tokens, STEP, condition)
    assert not torch.allclose(base, denoiser(tokens, STEP - 1, condition), atol=1e-3)
    assert not torch.allclose(base, denoiser(tokens, STEP, condition + 1), atol=1e-3)
    assert not torch.allclose(base, denoiser(tokens.fill_diagonal_(20), STEP, condition), atol=1e-3)
    same = denoiser(torch.full_like(tokens, 20), STEP, condition)
    assert not torch.allclose(same[:, 0], same[:, 1], atol=1e-3)


def test_the_condition_is_a_set_of_any_length(
    denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor
) -> None:
    turned = denoiser(tokens, STEP, condition.flip(1))
    torch.testing.assert_close(turned, denoiser(tokens, STEP, condition), atol=1e-5, rtol=1e-5)
    assert denoiser(tokens, STEP, condition[:, :2]).shape == (BATCH, TOKENS, 20)


def test_expected_codes_are_those_of_the_joint_distribution(
    denoiser: Denoiser, tokens: torch.Tensor, condition: torch.Tensor
) -> None:
    features = denoiser.features(tokens, STEP, context=denoiser.context(condition))
    quantiser = FiniteScalarQuantiser([4, 5])
    expected = quantiser.expected_codes(denoiser.head(features).exp())
    torch.testing.assert_close(denoiser.head.expected_codes(features), expected, atol=1e-5, rtol=1e-5)


def test_weights_start_from_the_stated_distribution() -> None:
    config = dataclasses.replace(CONFIG, channels=64)
    model = Denoiser(config, FiniteScalarQuantiser([7, 5, 5]), tokens=TOKENS, steps=STEPS)
    weights = torch.cat([layer.weight.flatten() for layer in model.modules() if isinstance(layer, torch.nn.Linear)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.05)
    assert all(not layer.bias.any() for layer in model.modules() if isinstance(layer, torch.nn.Linear))
