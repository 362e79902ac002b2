"""The diffusion's formulas against brute force on small alphabets: matrices, and Bayes and KL by enumeration."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.model.diffusion import Diffusion, Schedule, ScheduleError, truncate

CODES, STEPS = 5, 12
SHARES = [(0.9, 0.1), (1.0, 0.0), (0.0, 1.0), (0.3, 0.7), (0.5, 0.2)]
"""The paper's schedule, occlude only, replace only, another mixture, and one that ends before all is noise."""


@pytest.fixture(params=SHARES, ids=lambda shares: f"occ{shares[0]}-replace{shares[1]}")
def diffusion(request: pytest.FixtureRequest) -> Diffusion:
    return Diffusion(Schedule(STEPS, CODES, *request.param))


def at(step: int, rows: int = 1) -> Tensor:
    return torch.full((rows,), step)


def one_step_matrix(schedule: Schedule, step: int) -> Tensor:
    """Column-stochastic (to, from), written out entry by entry from the schedule's linear cumulative masses."""
    gbar = [schedule.final_occ * s / schedule.steps for s in (step - 1, step)]
    abar = [1 - (schedule.final_occ + schedule.final_replace) * s / schedule.steps for s in (step - 1, step)]
    alpha, gamma = abar[1] / abar[0], 1 - (1 - gbar[1]) / (1 - gbar[0])
    beta = (1 - alpha - gamma) / schedule.codes
    matrix = torch.zeros(schedule.codes + 1, schedule.codes + 1, dtype=torch.float64)
    for origin in range(schedule.codes):
        for target in range(schedule.codes):
            matrix[target, origin] = beta + (alpha if target == origin else 0.0)
        matrix[schedule.codes, origin] = gamma
    matrix[schedule.codes, schedule.codes] = 1.0
    return matrix


def product(schedule: Schedule, start: int, end: int) -> Tensor:
    matrix = torch.eye(schedule.codes + 1, dtype=torch.float64)
    for step in range(start + 1, end + 1):
        matrix = one_step_matrix(schedule, step) @ matrix
    return matrix


def every_state() -> Tensor:
    return torch.arange(CODES + 1)[None]


@pytest.mark.parametrize("start,end", [(0, 1), (0, 5), (0, STEPS), (3, 4), (3, 9), (7, STEPS)])
def test_every_transition_is_the_product_of_its_steps(diffusion: Diffusion, start: int, end: int) -> None:
    brute = product(diffusion.schedule, start, end)
    rows = diffusion.log_forward(every_state(), at(start), at(end))[0].exp().double()
    torch.testing.assert_close(rows.T, brute, atol=1e-6, rtol=0)
    columns = diffusion.log_likelihood(every_state(), at(start), at(end))[0].exp().double()
    torch.testing.assert_close(columns, brute, atol=1e-6, rtol=0)


def test_the_closed_form_is_the_papers(diffusion: Diffusion) -> None:
    schedule = diffusion.schedule
    for step in range(1, STEPS + 1):
        gbar = schedule.final_occ * step / STEPS
        abar = 1 - (schedule.final_occ + schedule.final_replace) * step / STEPS
        bbar = (1 - abar - gbar) / CODES
        k_0 = torch.nn.functional.one_hot(torch.tensor(2), CODES + 1)
        occ = torch.nn.functional.one_hot(torch.tensor(CODES), CODES + 1)
        expected = abar * k_0 + (gbar - bbar) * occ + bbar
        row = diffusion.log_forward(torch.tensor([[2]]), at(0), at(step))[0, 0].exp()
        torch.testing.assert_close(row, expected, atol=1e-6, rtol=0)


def test_masses_sum_to_one_and_the_paper_schedule_ends_at_its_prior() -> None:
    schedule = Schedule(100, 4375, 0.9, 0.1)
    steps = torch.arange(1, 101)
    mass = schedule.mass(steps - 1, steps)
    torch.testing.assert_close(mass.stay + 4375 * mass.each + mass.occ, torch.ones(100, dtype=torch.float64))
    last = schedule.mass(torch.tensor([0]), torch.tensor([100]))
    assert last.stay.item() == 0.0
    assert last.occ.item() == pytest.approx(0.9)
    assert 4375 * last.each.item() == pytest.approx(0.1)


def bayes(schedule: Schedule, k_s: int, k_0: int, *, s: int, r: int) -> Tensor:
    """q(k_r | k_s, k_0) over all k_r by enumeration; NaN where k_0 cannot lead to k_s."""
    joint = product(schedule, r, s)[k_s] * product(schedule, 0, r)[:, k_0]
    return joint / joint.sum()


@pytest.mark.parametrize("s,r", [(1, 0), (2, 1), (7, 6), (STEPS, STEPS - 1), (8, 3), (STEPS, 4), (STEPS, 0)])
def test_the_posterior_is_bayes_and_sums_to_one(diffusion: Diffusion, s: int, r: int) -> None:
    for k_s in range(CODES + 1):
        k_0 = torch.arange(CODES)[None]
        posterior = diffusion.log_posterior(torch.full((1, CODES), k_s), k_0, at(s), at(r))[0].exp().double()
        torch.testing.assert_close(posterior.sum(-1), torch.ones(CODES, dtype=torch.float64), atol=1e-5, rtol=0)
        for origin in range(CODES):
            expected = bayes(diffusion.schedule, k_s, origin, s=s, r=r)
            if not expected.isnan().any():
                torch.testing.assert_close(posterior[origin], expected, atol=1e-5, rtol=0)


def random_prediction(rows: int = 1, tokens: int = CODES + 1) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return (2 * torch.randn(rows, tokens, CODES, generator=generator)).log_softmax(-1)


@pytest.mark.parametrize("s,r", [(1, 0), (2, 1), (9, 8), (STEPS, STEPS - 1), (9, 4)])
def test_the_reverse_step_sums_the_posterior_over_predicted_k0(diffusion: Diffusion, s: int, r: int) -> None:
    log_p0 = random_prediction()
    reverse = diffusion.log_reverse(log_p0, every_state(), at(s), at(r))[0].exp().double()
    for k_s in range(CODES + 1):
        posteriors = torch.stack([bayes(diffusion.schedule, k_s, k_0, s=s, r=r) for k_0 in range(CODES)])
        if posteriors.isnan().any():
            continue
        expected = (log_p0[0, k_s].double().exp()[:, None] * posteriors).sum(0)
        torch.testing.assert_close(reverse[k_s], expected, atol=1e-5, rtol=0)


def test_without_replacement_a_visible_token_stays_whatever_is_predicted() -> None:
    diffusion = Diffusion(Schedule(STEPS, CODES, 1.0, 0.0))
    tokens = torch.arange(CODES)[None]
    certain_of_another = torch.full((1, CODES, CODES), -60.0).scatter(2, ((tokens + 1) % CODES)[..., None], 0.0)
    reverse = diffusion.log_reverse(certain_of_another, tokens, at(6), at(5)).exp()
    torch.testing.assert_close(reverse.gather(2, tokens[..., None]), torch.ones(1, CODES, 1))


@pytest.mark.parametrize("step", [1, 2, 6, STEPS])
def test_the_loss_terms_are_the_enumerated_kl_and_cross_entropy(diffusion: Diffusion, step: int) -> None:
    log_p0 = random_prediction(1, 1)
    for k_0 in range(CODES):
        for k_s in range(CODES + 1):
            expected = bayes(diffusion.schedule, k_s, k_0, s=step, r=step - 1)
            others = [bayes(diffusion.schedule, k_s, other, s=step, r=step - 1) for other in range(CODES)]
            posteriors = torch.stack(others)
            if posteriors.isnan().any():
                continue
            predicted = (log_p0[0, 0].double().exp()[:, None] * posteriors).sum(0)
            terms = diffusion.loss_terms(log_p0, torch.tensor([[k_0]]), torch.tensor([[k_s]]), at(step))
            kl = torch.where(expected > 0, expected * (expected.log() - predicted.log()), 0.0).sum()
            assert terms.bound.item() == pytest.approx(kl.item(), abs=1e-4)
            assert terms.auxiliary.item() == pytest.approx(-log_p0[0, 0, k_0].item(), abs=1e-5)


def test_at_the_first_step_the_bound_is_the_likelihood(diffusion: Diffusion) -> None:
    log_p0 = random_prediction(1, 3)
    k_0 = torch.tensor([[0, 1, 2]])
    terms = diffusion.loss_terms(log_p0, k_0, k_0, at(1))
    if diffusion.schedule.final_replace > 0:
        assert terms.bound.item() == pytest.approx(terms.auxiliary.item(), abs=1e-4)


def test_a_perfect_prediction_costs_nothing(diffusion: Diffusion) -> None:
    generator = torch.Generator().manual_seed(0)
    k_0 = torch.randint(CODES, (8, 6), generator=generator)
    step = torch.randint(1, STEPS + 1, (8,), generator=generator)
    k_s = diffusion.noise(k_0, torch.zeros_like(step), step, generator=generator)
    log_p0 = torch.full((8, 6, CODES), -80.0).scatter(2, k_0[..., None], 0.0)
    terms = diffusion.loss_terms(log_p0, k_0, k_s, step)
    torch.testing.assert_close(terms.bound, torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(diffusion.loss(terms, step), torch.zeros(8), atol=1e-5, rtol=0)


def test_the_loss_is_finite_and_differentiable_at_its_extremes(diffusion: Diffusion) -> None:
    logits = torch.full((STEPS, 2, CODES), -1e4)
    logits[..., 0] = 1e4
    logits.requires_grad_()
    step = torch.arange(1, STEPS + 1)
    k_0 = torch.ones(STEPS, 2, dtype=torch.long)
    k_s = diffusion.noise(k_0, torch.zeros_like(step), step, generator=torch.Generator().manual_seed(3))
    loss = diffusion.loss(diffusion.loss_terms(logits.log_softmax(-1), k_0, k_s, step), step)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_auxiliary_weight_may_fall_with_the_step() -> None:
    plain, falling = (Diffusion(Schedule(STEPS, CODES), 0.5, falls) for falls in (False, True))
    terms = plain.loss_terms(random_prediction(2, 1), torch.zeros(2, 1).long(), torch.zeros(2, 1).long(), at(STEPS, 2))
    torch.testing.assert_close(plain.loss(terms, at(STEPS, 2)), falling.loss(terms, at(STEPS, 2)))
    early = torch.full((2,), STEPS // 2)
    torch.testing.assert_close(falling.loss(terms, early), terms.bound + 0.5 * 1.5 * terms.auxiliary)


def test_memory_is_linear_in_the_alphabet() -> None:
    """|C|^2 here would be 10^12 entries."""
    diffusion = Diffusion(Schedule(STEPS, 1_000_000))
    k_0 = torch.tensor([[123_456]])
    posterior = diffusion.log_posterior(k_0, k_0, at(6), at(5))
    assert posterior.shape == (1, 1, 1_000_001)
    assert posterior.exp().sum().item() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("arguments", [(0, 5), (10, 1), (10, 5, 0.9, 0.2), (10, 5, -0.1, 0.5), (10, 5, 0.0, 0.0)])
def test_impossible_schedules_are_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ScheduleError, match="got"):
        Schedule(*arguments)  # type: ignore[arg-type]


def test_truncation_keeps_the_smallest_set_that_holds_the_mass() -> None:
    log_p = torch.tensor([[[0.5, 0.3, 0.15, 0.05]]]).log()
    kept = truncate(log_p, 0.7).exp()
    torch.testing.assert_close(kept, torch.tensor([[[0.625, 0.375, 0.0, 0.0]]]))
    torch.testing.assert_close(truncate(log_p, 1.0), log_p)
    assert math.isclose(truncate(log_p, 0.01).exp().max().item(), 1.0)
