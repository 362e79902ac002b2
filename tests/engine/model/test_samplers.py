"""Samplers with an oracle in place of the network draw what the forward process says (seeds fixed, 5 sigma)."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.model.diffusion import Diffusion, Predict, Schedule, ScheduleError, draw

CODES, STEPS, POSES, TOKENS = 4, 10, 20_000, 2
SHARES = [(0.9, 0.1), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)]
DATA = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])
"""p(k_0) of each token."""


@pytest.fixture(params=SHARES, ids=lambda shares: f"occ{shares[0]}-replace{shares[1]}")
def diffusion(request: pytest.FixtureRequest) -> Diffusion:
    return Diffusion(Schedule(STEPS, CODES, *request.param))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def full(step: int, rows: int = POSES) -> Tensor:
    return torch.full((rows,), step)


def shares(tokens: Tensor) -> Tensor:
    """(token, state) how often each state occurs."""
    return torch.nn.functional.one_hot(tokens, CODES + 1).double().mean(dim=0)


def assert_drawn_from(tokens: Tensor, expected: Tensor) -> None:
    sigma = (expected * (1 - expected).clamp(min=0) / len(tokens)).sqrt()
    assert ((shares(tokens) - expected).abs() <= 5 * sigma + 1e-6).all(), (shares(tokens), expected)


def marginal(diffusion: Diffusion, step: int) -> Tensor:
    """(token, state) of k_step when k_0 is drawn from DATA."""
    if step == 0:
        return torch.cat([DATA.double(), torch.zeros(TOKENS, 1)], dim=1)
    every = torch.arange(CODES)[None]
    transition = diffusion.log_forward(every, full(0, 1), full(step, 1))[0].exp().double()
    return DATA.double() @ transition


def data_oracle(diffusion: Diffusion) -> Predict:
    """The exact p(k_0 | k_s) for independent tokens drawn from DATA: what a perfect network would say."""

    def predict(tokens: Tensor, step: Tensor) -> Tensor:
        log_q = diffusion.log_likelihood(tokens, torch.zeros_like(step), step)[..., :-1]
        return (log_q + DATA.log()).log_softmax(dim=-1)

    return predict


def test_forward_draws_follow_the_closed_form(diffusion: Diffusion, generator: torch.Generator) -> None:
    k_0 = torch.tensor([0, 3]).expand(POSES, TOKENS)
    for step in (1, 4, STEPS):
        k_s = diffusion.noise(k_0, full(0), full(step), generator=generator)
        assert_drawn_from(k_s, diffusion.log_forward(k_0[:1], full(0, 1), full(step, 1))[0].exp().double())


def test_noise_in_two_legs_is_noise_in_one(diffusion: Diffusion, generator: torch.Generator) -> None:
    k_0 = torch.tensor([0, 3]).expand(POSES, TOKENS)
    middle = diffusion.noise(k_0, full(0), full(3), generator=generator)
    k_s = diffusion.noise(middle, full(3), full(8), generator=generator)
    assert_drawn_from(k_s, diffusion.log_forward(k_0[:1], full(0, 1), full(8, 1))[0].exp().double())


def test_the_prior_is_where_the_forward_process_ends(diffusion: Diffusion, generator: torch.Generator) -> None:
    k_0 = torch.tensor([[0, 3]])
    end = diffusion.log_forward(k_0, full(0, 1), full(STEPS, 1))[0].exp().double()
    assert_drawn_from(diffusion.prior(POSES, TOKENS, generator=generator), end)


@pytest.mark.parametrize("strides", [STEPS, 4, 1], ids=["ancestral", "strided", "one step"])
@pytest.mark.parametrize("overshoot", [0.0, 0.6, 2.0], ids=["plain", "remasking", "remasking far"])
def test_every_visited_step_has_the_forward_marginal(
    diffusion: Diffusion, generator: torch.Generator, strides: int, overshoot: float
) -> None:
    predict = data_oracle(diffusion)
    visits = diffusion.schedule.visits(strides)
    tokens = diffusion.prior(POSES, TOKENS, generator=generator)
    seen: list[Tensor] = []

    def watching(state: Tensor, step: Tensor) -> Tensor:
        assert_drawn_from(state, marginal(diffusion, int(step[0])))
        seen.append(step)
        return predict(state, step)

    drawn = diffusion.sample(watching, tokens, visits=visits, generator=generator, overshoot=overshoot)
    assert_drawn_from(drawn, marginal(diffusion, 0))
    assert [int(step[0]) for step in seen] == visits[:-1]


def test_knowing_k0_leads_back_to_it(diffusion: Diffusion, generator: torch.Generator) -> None:
    k_0 = torch.randint(CODES, (50, TOKENS), generator=generator)
    certain = torch.full((50, TOKENS, CODES), -80.0).scatter(2, k_0[..., None], 0.0)
    start = diffusion.noise(k_0, full(0, 50), full(STEPS, 50), generator=generator)
    drawn = diffusion.sample(lambda *_: certain, start, visits=diffusion.schedule.visits(5), generator=generator)
    assert torch.equal(drawn, k_0)


def test_knowing_k0_the_way_back_has_the_conditional_marginals(
    diffusion: Diffusion, generator: torch.Generator
) -> None:
    k_0 = torch.tensor([1, 2]).expand(POSES, TOKENS)
    certain = torch.full((POSES, TOKENS, CODES), -80.0).scatter(2, k_0[..., None], 0.0)
    start = diffusion.noise(k_0, full(0), full(STEPS), generator=generator)

    def watching(state: Tensor, step: Tensor) -> Tensor:
        assert_drawn_from(state, diffusion.log_forward(k_0[:1], full(0, 1), step[:1])[0].exp().double())
        return certain

    diffusion.sample(watching, start, visits=diffusion.schedule.visits(6), generator=generator)


def test_remasking_puts_decoded_tokens_back(generator: torch.Generator) -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES, 1.0, 0.0))
    states: list[Tensor] = []

    def predict(state: Tensor, step: Tensor) -> Tensor:
        states.append(state)
        return DATA.log().expand(len(state), TOKENS, CODES)

    start = diffusion.prior(500, TOKENS, generator=generator)
    diffusion.sample(predict, start, visits=diffusion.schedule.visits(10), generator=generator, overshoot=2.0)
    reopened = [(before != CODES) & (after == CODES) for before, after in pairwise(states)]
    assert torch.stack(reopened).any()
    states.clear()
    diffusion.sample(predict, start, visits=diffusion.schedule.visits(10), generator=generator)
    reopened = [(before != CODES) & (after == CODES) for before, after in pairwise(states)]
    assert not torch.stack(reopened).any()


@pytest.mark.parametrize("passes", [1, 3, 8])
def test_purity_sampling_opens_few_first_and_leaves_none(generator: torch.Generator, passes: int) -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES))
    opened: list[int] = []

    def predict(state: Tensor, step: Tensor) -> Tensor:
        counts = (state == CODES).sum(dim=1)
        assert (counts == counts[0]).all()
        opened.append(int(counts[0]))
        return torch.zeros(*state.shape, CODES).log_softmax(-1)

    drawn = diffusion.sample_purity(predict, 5, 40, passes=passes, generator=generator)
    assert len(opened) == passes
    assert (drawn < CODES).all()
    expected = [math.floor(40 * math.cos(math.pi / 2 * done / passes) + 1e-9) for done in range(passes)]
    assert opened == expected


def test_purity_without_noise_keeps_the_surest_first(generator: torch.Generator) -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES))
    sureness = torch.linspace(0, 5, 6)
    logits = torch.zeros(1, 6, CODES)
    logits[0, :, 1] = sureness**2
    states: list[Tensor] = []

    def predict(state: Tensor, step: Tensor) -> Tensor:
        states.append(state)
        return logits.log_softmax(-1)

    diffusion.sample_purity(predict, 1, 6, passes=4, generator=generator, gumbel=0.0)
    assert states[1][0, 5] == 1
    for before, after in pairwise(states):
        kept = before != CODES
        assert torch.equal(after[kept], before[kept])


def test_purity_of_independent_tokens_draws_from_the_data(generator: torch.Generator) -> None:
    """Without Gumbel-ordered bias: in a single pass every token is an ordinary draw."""
    diffusion = Diffusion(Schedule(STEPS, CODES))
    drawn = diffusion.sample_purity(data_oracle(diffusion), POSES, TOKENS, passes=1, generator=generator)
    assert_drawn_from(drawn, marginal(diffusion, 0))


def test_one_pass_starts_from_all_occ_at_the_last_step() -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES))

    def predict(state: Tensor, step: Tensor) -> Tensor:
        assert (state == CODES).all()
        assert (step == STEPS).all()
        return torch.zeros(*state.shape, CODES).log_softmax(-1)

    assert diffusion.one_pass(predict, 3, 2, device=torch.device("cpu")).shape == (3, 2, CODES)


def test_a_schedule_without_occ_refuses_samplers_that_start_from_it(generator: torch.Generator) -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES, 0.0, 1.0))
    with pytest.raises(ScheduleError, match="replace-only"):
        diffusion.sample_purity(data_oracle(diffusion), 1, 1, passes=1, generator=generator)
    with pytest.raises(ScheduleError, match="replace-only"):
        diffusion.one_pass(data_oracle(diffusion), 1, 1, device=torch.device("cpu"))


@pytest.mark.parametrize("visits", [[], [0], [5, 5, 0], [3, 5, 0], [5, 2], [STEPS + 1, 0]])
def test_odd_visits_are_refused(generator: torch.Generator, visits: list[int]) -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES))
    with pytest.raises(ScheduleError, match="must fall"):
        diffusion.sample(data_oracle(diffusion), torch.zeros(1, 2).long(), visits=visits, generator=generator)


@pytest.mark.parametrize("steps", [1, 3, 7, STEPS])
def test_visits_fall_evenly_to_zero(steps: int) -> None:
    visits = Schedule(STEPS, CODES).visits(steps)
    assert (visits[0], visits[-1], len(visits)) == (STEPS, 0, steps + 1)
    strides = {s - r for s, r in pairwise(visits)}
    assert max(strides) - min(strides) <= 1


@pytest.mark.parametrize("steps", [0, STEPS + 1])
def test_more_or_fewer_steps_than_there_are_is_refused(steps: int) -> None:
    with pytest.raises(ScheduleError, match=f"1 to {STEPS}"):
        Schedule(STEPS, CODES).visits(steps)


def test_the_same_generator_draws_the_same() -> None:
    log_p = torch.randn(3, 4, 5).log_softmax(-1)
    first, again = (draw(log_p, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
