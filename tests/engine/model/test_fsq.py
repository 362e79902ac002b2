"""Finite scalar quantisation: codes and indices are one alphabet, zero is code 0, every level can be reached."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.fsq import FiniteScalarQuantiser

LEVELS = st.lists(st.integers(3, 9), min_size=1, max_size=4)
PAPER = (7, 5, 5, 5, 5)


@given(LEVELS)
@settings(max_examples=30, deadline=None)
def test_every_index_has_its_own_code_and_back(levels: list[int]) -> None:
    quantiser = FiniteScalarQuantiser(levels)
    indices = torch.arange(quantiser.codes)
    codes = quantiser.codes_of(indices)
    assert torch.equal(quantiser.indices_of(codes), indices)
    assert torch.equal(quantiser.join(quantiser.split(indices)), indices)
    assert len(codes.unique(dim=0)) == quantiser.codes
    assert codes.min() == -1
    assert codes.max() <= 1


@given(LEVELS)
@settings(max_examples=30, deadline=None)
def test_zero_becomes_code_zero(levels: list[int]) -> None:
    assert torch.equal(FiniteScalarQuantiser(levels)(torch.zeros(1, len(levels))), torch.zeros(1, len(levels)))


@pytest.mark.parametrize("level", range(3, 12))
def test_all_levels_can_be_reached_and_no_other(level: int) -> None:
    quantiser = FiniteScalarQuantiser([level])
    z = torch.linspace(-20, 20, 20001)[:, None]
    reached = quantiser.level_indices(quantiser(z)).unique()
    assert reached.tolist() == list(range(level))


@pytest.mark.parametrize("level", range(3, 12))
def test_codes_are_one_step_apart_and_keep_the_order_of_the_latents(level: int) -> None:
    codes = FiniteScalarQuantiser([level])(torch.linspace(-9, 9, 5001)[:, None])[:, 0]
    steps = codes.diff()
    assert (steps >= 0).all()
    torch.testing.assert_close(steps[steps > 0], torch.full((level - 1,), 1 / (level // 2)))


def test_odd_levels_follow_the_papers_bound() -> None:
    z = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor([3.0, 2, 2, 2, 2]) * torch.tanh(z)
    torch.testing.assert_close(FiniteScalarQuantiser(PAPER).bound(z), expected)


def test_the_gradient_passes_the_rounding_unchanged() -> None:
    quantiser = FiniteScalarQuantiser(PAPER)
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    (through_rounding,) = torch.autograd.grad(quantiser(z).sum(), z)
    (without,) = torch.autograd.grad((quantiser.bound(z) / (quantiser.levels_of_channel // 2)).sum(), z)
    torch.testing.assert_close(through_rounding, without)


def test_half_precision_latents_are_bounded_in_float32() -> None:
    assert FiniteScalarQuantiser([8])(torch.full((1, 1), 3.0, dtype=torch.bfloat16)).dtype == torch.float32


def test_expected_codes_of_the_joint_alphabet_and_of_the_levels_agree() -> None:
    quantiser = FiniteScalarQuantiser([3, 4, 5])
    logits = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(2))
    log_levels = torch.cat([part.log_softmax(-1) for part in logits.split([3, 4, 5], dim=-1)], dim=-1)
    joint = quantiser.join_log_probabilities(log_levels)
    torch.testing.assert_close(joint.logsumexp(-1), torch.zeros(2, 6), atol=1e-5, rtol=0)
    expected = quantiser.expected_codes_of_levels(log_levels.exp())
    torch.testing.assert_close(quantiser.expected_codes(joint.exp()), expected, atol=1e-5, rtol=0)


def test_a_sure_joint_probability_is_the_product_of_its_levels() -> None:
    quantiser = FiniteScalarQuantiser([3, 5])
    log_levels = torch.randn(1, 1, 8)
    joint = quantiser.join_log_probabilities(log_levels)[0, 0]
    for index in range(15):
        first, second = quantiser.split(torch.tensor(index)).tolist()
        assert joint[index] == log_levels[0, 0, first] + log_levels[0, 0, 3 + second]


@pytest.mark.parametrize("levels", [[], [2, 5], [0], [7, -5]])
def test_impossible_levels_are_refused(levels: list[int]) -> None:
    with pytest.raises(ValueError, match="at least 3"):
        FiniteScalarQuantiser(levels)
