"""The bound from one draw is right on average, and heads tell single tokens' chances without the whole alphabet."""

from __future__ import annotations

import pytest
import torch

from engine.model.diffusion import Diffusion, Schedule
from engine.model.drawn_bound import draw_chain, drawn_bound
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.heads import JointHead, LevelHead

CODES, DRAWS = 6, 60_000


@pytest.mark.parametrize("masses", [(0.9, 0.1), (0.6, 0.4), (0.5, 0.3), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("step", [1, 2, 5, 8])
def test_the_mean_of_many_draws_is_the_bound(masses: tuple[float, float], step: int) -> None:
    diffusion = Diffusion(Schedule(8, CODES, *masses))
    torch.manual_seed(step)
    table = torch.randn(CODES + 1, CODES).log_softmax(dim=-1)
    """The prediction depends on k_s alone."""
    tokens_0 = torch.full((DRAWS, 1), 2)
    at = torch.full((DRAWS,), step)
    chain = draw_chain(diffusion, tokens_0, at, generator=torch.Generator().manual_seed(1))
    log_p0 = table[chain.tokens_s]
    drawn = drawn_bound(diffusion, chain, lambda tokens: log_p0.gather(-1, tokens[..., None])[..., 0])
    exact = diffusion.loss_terms(log_p0, tokens_0, chain.tokens_s, at).bound
    assert drawn.isfinite().all()
    error = float(drawn.std()) / DRAWS**0.5
    assert float(drawn.mean()) == pytest.approx(float(exact.mean()), abs=5 * error + 2e-4)


def test_the_chain_has_the_forward_process_as_its_end() -> None:
    diffusion = Diffusion(Schedule(8, CODES, 0.6, 0.3))
    at = torch.full((DRAWS,), 5)
    chain = draw_chain(diffusion, torch.full((DRAWS, 1), 2), at, generator=torch.Generator().manual_seed(1))
    expected = diffusion.log_forward(torch.tensor([[2]]), torch.tensor([0]), torch.tensor([5])).exp()[0, 0]
    found = torch.bincount(chain.tokens_s[:, 0], minlength=CODES + 1) / DRAWS
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("kind", [JointHead, LevelHead])
def test_the_chance_of_single_tokens_is_that_of_the_whole_alphabet(kind: type[JointHead] | type[LevelHead]) -> None:
    torch.manual_seed(0)
    quantiser = FiniteScalarQuantiser((5, 4, 3))
    head, x = kind(8, quantiser), torch.randn(2, 7, 8)
    tokens = torch.randint(quantiser.codes, (2, 7))
    torch.testing.assert_close(head.log_p_of(x)(tokens), head(x).gather(-1, tokens[..., None])[..., 0])
