"""Discrete diffusion over tokens 0..codes-1 and one absorbing state Occ: the mathematics, and no network.

Notation of Di2Pose (section 3.2) and VQ-Diffusion: in one step an ordinary token goes to Occ with probability gamma, is
redrawn evenly with total probability |C| beta, else stays (alpha). Every transition from step r to a later step s has
that same form, so one formula (`Schedule.mass`) serves one step, the closed form from step 0, and strided steps:

    alpha = abar_s / abar_r,  gamma = 1 - (1 - gbar_s) / (1 - gbar_r),  |C| beta = 1 - alpha - gamma

and no |C| x |C| matrix is ever made. Everything runs in clamped log space. A denoiser enters as a callable
`predict(tokens, step) -> log p(k_0)` of shape (batch, token, codes) over the joint alphabet; heads with
one softmax per level expand to it by additions. Randomness enters as a torch.Generator on the tokens' device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Predict: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(tokens (batch, token), step (batch,)) -> log p(k_0) (batch, token, codes), normalised."""

LOG_ZERO = -70.0
"""Logarithm that stands for probability 0 (VQ-Diffusion's clamp): small beside everything, finite in sums."""


class ScheduleError(ValueError):
    """A step, stride or sampler that this schedule does not allow; the text says which are."""


@dataclass(frozen=True, slots=True)
class Mass:
    """Probabilities of one transition, float64, one per pose: stay + codes * each + occ = 1."""

    stay: Float[Tensor, " batch"]
    each: Float[Tensor, " batch"]
    """beta: the chance of every single code by replacement."""
    occ: Float[Tensor, " batch"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear cumulative masses: gbar 0 -> final_occ, |C| bbar 0 -> final_replace, abar the rest.

    Occlude only: (1, 0). Replace only: (0, 1). The paper: (0.9, 0.1).
    """

    steps: int
    codes: int
    final_occ: float = 0.9
    final_replace: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.codes < 2:
            raise ScheduleError(f"needs at least 1 step and 2 codes, got {self.steps} and {self.codes}")
        shares = (self.final_occ, self.final_replace)
        if min(shares) < 0 or not 0 < sum(shares) <= 1 + 1e-9:
            raise ScheduleError(f"final_occ + final_replace must be above 0 and at most 1, got {shares}")

    def mass(self, start: Int[Tensor, " batch"], end: Int[Tensor, " batch"]) -> Mass:
        """The transition from step `start` to step `end` > `start`; start = 0 gives the cumulative masses."""
        stay = self._stay(end) / self._stay(start)
        occ = 1 - (1 - self._occ(end)) / (1 - self._occ(start))
        # Cancellation would leave +-1e-17 where the schedule has no replacement at all.
        each = (1 - stay - occ).clamp(min=0) / self.codes if self.final_replace > 0 else torch.zeros_like(stay)
        return Mass(stay, each, occ)

    def _occ(self, step: Tensor) -> Tensor:
        return self.final_occ * step.double() / self.steps

    def _stay(self, step: Tensor) -> Tensor:
        share = step.double() / self.steps
        if math.isclose(self.final_occ + self.final_replace, 1.0):
            return 1 - share
        return 1 - (self.final_occ + self.final_replace) * share

    def visits(self, steps: int) -> list[int]:
        """Step numbers from S down to 0 in `steps` nearly even strides."""
        if not 1 <= steps <= self.steps:
            raise ScheduleError(f"can sample in 1 to {self.steps} steps, got {steps}")
        return [round(self.steps * (steps - done) / steps) for done in range(steps + 1)]


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Per pose, nats per token, for the step that was drawn."""

    bound: Float[Tensor, " batch"]
    """KL(q(k_{s-1} | k_s, k_0) || p(k_{s-1} | k_s)); at s = 1 it is -log p(k_0). The sum over all s is the bound."""
    auxiliary: Float[Tensor, " batch"]
    """-log p(k_0 | k_s)."""


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Forward process, reverse process, losses and samplers of one schedule."""

    schedule: Schedule
    auxiliary_weight: float = 5e-4
    auxiliary_falls: bool = False

    @property
    def occ(self) -> int:
        """Index of the Occ state: one behind the last code."""
        return self.schedule.codes

    # ---- forward process

    def log_forward(self, tokens: Int[Tensor, "batch token"], start: Tensor, end: Tensor) -> Tensor:
        """log q(k_end | k_start = tokens), (batch, token, codes + 1). start = 0: the closed form of the paper."""
        mass = self.schedule.mass(start, end)
        row = _log(mass.each)[:, None, None].expand(*tokens.shape, self.occ)
        row = torch.cat([row, _log(mass.occ)[:, None, None].expand(*tokens.shape, 1)], dim=-1)
        own = _log(mass.stay + mass.each)[:, None, None].expand(*tokens.shape, 1)
        ordinary = row.scatter(-1, tokens[..., None], own)
        return torch.where(tokens[..., None] == self.occ, self._log_onehot(tokens), ordinary)

    def log_likelihood(self, tokens: Int[Tensor, "batch token"], start: Tensor, end: Tensor) -> Tensor:
        """log q(k_end = tokens | k_start) for every k_start, (batch, token, codes + 1)."""
        mass = self.schedule.mass(start, end)
        is_occ = (tokens == self.occ)[..., None]
        other = torch.where(is_occ, _log(mass.occ)[:, None, None], _log(mass.each)[:, None, None])
        own = torch.where(is_occ, 0.0, _log(mass.stay + mass.each)[:, None, None])
        column = other.expand(*tokens.shape, self.occ)
        # From Occ nothing comes back.
        from_occ = torch.where(is_occ, 0.0, LOG_ZERO)
        return torch.cat([column, from_occ], dim=-1).scatter(-1, tokens[..., None], own)

    def noise(
        self, tokens: Int[Tensor, "batch token"], start: Tensor, end: Tensor, *, generator: torch.Generator
    ) -> Tensor:
        """Draws k_end given k_start = tokens, without a row over the alphabet."""
        mass = self.schedule.mass(start, end)
        device = tokens.device
        chance = torch.rand(tokens.shape, generator=generator, device=device, dtype=torch.float64)
        drawn = torch.randint(self.occ, tokens.shape, generator=generator, device=device)
        occ = mass.occ[:, None]
        replaced = torch.where(chance < occ + self.occ * mass.each[:, None], drawn, tokens)
        moved = torch.where(chance < occ, self.occ, replaced)
        return torch.where(tokens == self.occ, self.occ, moved)

    def prior(self, batch: int, tokens: int, *, generator: torch.Generator) -> Int[Tensor, "batch token"]:
        """k_S: Occ with probability final_occ, else any code."""
        size, device = (batch, tokens), generator.device
        drawn = torch.randint(self.occ, size, generator=generator, device=device)
        is_occ = torch.rand(size, generator=generator, device=device) < self.schedule.final_occ
        return torch.where(is_occ, self.occ, drawn)

    # ---- reverse process

    def log_posterior(self, tokens_s: Tensor, tokens_0: Tensor, s: Tensor, r: Tensor) -> Tensor:
        """log q(k_r | k_s, k_0), (batch, token, codes + 1), for any r < s."""
        return self.log_reverse(self._log_onehot(tokens_0)[..., :-1], tokens_s, s, r)

    def log_reverse(self, log_p0: Float[Tensor, "batch token code"], tokens_s: Tensor, s: Tensor, r: Tensor) -> Tensor:
        """log p(k_r | k_s) = log of the sum over k_0 of q(k_r | k_s, k_0) p(k_0), (batch, token, codes + 1), r < s.

        Bayes: q(k_r | k_s, k_0) = q(k_s | k_r) q(k_r | k_0) / q(k_s | k_0). With w(k_0) = p(k_0) / q(k_s | k_0) the
        sum is q(k_s | k_r) times abar_r w(k_r) + bbar_r sum(w) for codes and gbar_r sum(w) for Occ: linear in |C|.
        """
        past = self.schedule.mass(torch.zeros_like(r), r)
        log_q = self.log_likelihood(tokens_s, torch.zeros_like(s), s)[..., :-1]
        # A k_0 that cannot have led to k_s gets no weight, whatever was predicted.
        log_w = log_p0.clamp(min=LOG_ZERO) - torch.where(log_q <= LOG_ZERO, -LOG_ZERO, log_q)
        total = log_w.logsumexp(dim=-1, keepdim=True)
        stay, each, occ = (_log(part)[:, None, None] for part in (past.stay, past.each, past.occ))
        at_r = torch.cat([torch.logaddexp(stay + log_w, each + total), occ + total], dim=-1)
        return functional.log_softmax(at_r + self.log_likelihood(tokens_s, r, s), dim=-1)

    # ---- losses

    def loss_terms(self, log_p0: Tensor, tokens_0: Tensor, tokens_s: Tensor, step: Tensor) -> LossTerms:
        """Both terms of the paper's loss for k_s drawn at `step` (batch,) in 1..S."""
        before = step - 1
        posterior = self.log_posterior(tokens_s, tokens_0, step, before)
        predicted = self.log_reverse(log_p0, tokens_s, step, before)
        bound = (posterior.exp() * (posterior - predicted)).sum(dim=-1)
        auxiliary = -log_p0.clamp(min=LOG_ZERO).gather(-1, tokens_0[..., None])[..., 0]
        return LossTerms(bound.mean(dim=-1), auxiliary.mean(dim=-1))

    def loss(self, terms: LossTerms, step: Tensor) -> Float[Tensor, " batch"]:
        """bound + lambda * auxiliary per pose, before any weight for unevenly drawn steps."""
        falling = 2 - step.float() / self.schedule.steps if self.auxiliary_falls else 1.0
        return terms.bound + self.auxiliary_weight * falling * terms.auxiliary

    # ---- samplers

    def sample(
        self,
        predict: Predict,
        tokens: Int[Tensor, "batch token"],
        *,
        visits: Sequence[int],
        generator: torch.Generator,
        overshoot: float = 0.0,
    ) -> Int[Tensor, "batch token"]:
        """Walks k_S = tokens down the steps `visits` (S, ..., 0) and returns k_0.

        All steps: ancestral sampling. Fewer: strided, by the posterior to the next visited step. `overshoot` > 0
        remasks: each move goes that share of its stride too far and back by the forward process, which may put decoded
        tokens back to Occ or redraw them (the idea of ReMDM) and keeps the marginals exact for any schedule.
        """
        self._check(visits)
        for s, r in pairwise(visits):
            reached = max(0, r - round(overshoot * (s - r)))
            tokens = self.step_back(predict, tokens, s=s, r=reached, generator=generator)
            if reached < r:
                tokens = self.noise(tokens, _full(tokens, reached), _full(tokens, r), generator=generator)
        return tokens

    def step_back(self, predict: Predict, tokens: Tensor, *, s: int, r: int, generator: torch.Generator) -> Tensor:
        """Draws k_r given k_s = tokens."""
        at_s, at_r = _full(tokens, s), _full(tokens, r)
        log_p = self.log_reverse(predict(tokens, at_s), tokens, at_s, at_r)
        return draw(log_p if r > 0 else log_p[..., :-1], generator)

    def sample_purity(
        self,
        predict: Predict,
        batch: int,
        tokens: int,
        *,
        passes: int,
        generator: torch.Generator,
        gumbel: float = 4.5,
    ) -> Int[Tensor, "batch token"]:
        """MaskGIT's order: from all Occ, each pass keeps the most confident draws, cos(pi/2 i/n) stay open.

        Confidence is log p of the draw plus `gumbel` (1 - i/n) Gumbel noise (MaskGIT's published value).
        """
        self._need_occ("purity sampling")
        state = torch.full((batch, tokens), self.occ, device=generator.device)
        for done in range(1, passes + 1):
            log_p0 = predict(state, self._step_of_open_share(state))
            drawn = draw(log_p0, generator)
            confidence = log_p0.gather(-1, drawn[..., None])[..., 0]
            confidence = confidence + gumbel * (1 - done / passes) * _gumbel(confidence, generator)
            confidence = confidence.masked_fill(state != self.occ, torch.inf)
            drawn = torch.where(state == self.occ, drawn, state)
            state = drawn.scatter(1, confidence.argsort(dim=1)[:, : open_after(done, passes, tokens)], self.occ)
        return state

    def one_pass(self, predict: Predict, batch: int, tokens: int, *, device: torch.device) -> Tensor:
        """log p(k_0) from all Occ at the last step, (batch, token, codes): what soft decoding takes (PCT, MEGA)."""
        self._need_occ("one-pass decoding")
        state = torch.full((batch, tokens), self.occ, device=device)
        return predict(state, _full(state, self.schedule.steps))

    def _step_of_open_share(self, state: Tensor) -> Tensor:
        """The step at which as many tokens are Occ on average as are open now, at least 1 and at most S."""
        share = (state == self.occ).double().mean(dim=1)
        return (share / self.schedule.final_occ * self.schedule.steps).ceil().clamp(1, self.schedule.steps).long()

    def step_of_open_share(self, share: float) -> int:
        """The same for one share, 0..1, that is known beforehand."""
        steps = self.schedule.steps
        return min(max(math.ceil(share / self.schedule.final_occ * steps), 1), steps)

    def _need_occ(self, what: str) -> None:
        if self.schedule.final_occ == 0:
            raise ScheduleError(f"{what} starts from Occ, which a replace-only schedule never shows; use `sample`")

    def _check(self, visits: Sequence[int]) -> None:
        falling = all(s > r for s, r in pairwise(visits))
        if len(visits) < 2 or not falling or visits[-1] != 0 or visits[0] > self.schedule.steps:
            raise ScheduleError(f"visits must fall from at most {self.schedule.steps} to 0, got {list(visits)}")

    def _log_onehot(self, tokens: Tensor) -> Tensor:
        zeros = torch.full((*tokens.shape, self.occ + 1), LOG_ZERO, device=tokens.device)
        return zeros.scatter(-1, tokens[..., None], 0.0)


def open_after(done: int, passes: int, tokens: int) -> int:
    """How many tokens stay open after `done` of `passes`: MaskGIT's cosine."""
    return math.floor(tokens * math.cos(math.pi / 2 * done / passes)) if done < passes else 0


def truncate(log_p: Float[Tensor, "*batch code"], top_p: float) -> Float[Tensor, "*batch code"]:
    """Keeps the smallest set of codes that holds `top_p` of the probability (VQ-Diffusion uses 0.86), renormalised."""
    sorted_p, order = log_p.exp().sort(dim=-1, descending=True)
    beyond = sorted_p.cumsum(dim=-1) - sorted_p >= top_p
    cut = torch.zeros_like(beyond).scatter(-1, order, beyond)
    return functional.log_softmax(log_p.masked_fill(cut, LOG_ZERO), dim=-1)


def draw(log_p: Float[Tensor, "batch token code"], generator: torch.Generator) -> Int[Tensor, "batch token"]:
    rows = log_p.float().softmax(dim=-1).flatten(0, 1)
    return torch.multinomial(rows, 1, generator=generator).view(log_p.shape[:2])


def _gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    uniform = torch.rand(like.shape, generator=generator, device=like.device).clamp(min=1e-20)
    return -(-uniform.log()).clamp(min=1e-20).log()


def _full(tokens: Tensor, step: int) -> Tensor:
    return torch.full((len(tokens),), step, device=tokens.device)


def _log(probability: Tensor) -> Tensor:
    """float64 probabilities to clamped float32 logarithms."""
    return probability.log().clamp(min=LOG_ZERO).float()
