"""The paper's bound from one draw of k_{s-1} in place of a sum over the alphabet: what makes it cheap on a CPU.

KL(q(k_{s-1} | k_s, k_0) || p(k_{s-1} | k_s)) is the mean over k_{s-1} of log q - log p. The chain is drawn forward,
k_0 -> k_{s-1} -> k_s, so that k_{s-1} has the posterior's distribution, and only log p(k_0) at three tokens is needed.
Law: over many draws the mean is `Diffusion.loss_terms(...).bound`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from engine.model.diffusion import LOG_ZERO, Diffusion
from engine.model.heads import LogPOf


@dataclass(frozen=True, slots=True)
class DrawnChain:
    """k_0 with one draw of k_{s-1} and of k_s."""

    tokens_0: Int[Tensor, "batch token"]
    before: Int[Tensor, "batch token"]
    tokens_s: Int[Tensor, "batch token"]
    step: Int[Tensor, " batch"]


def draw_chain(
    diffusion: Diffusion,
    tokens_0: Int[Tensor, "batch token"],
    step: Int[Tensor, " batch"],
    *,
    generator: torch.Generator,
) -> DrawnChain:
    """`step` is in 1..S."""
    before = diffusion.noise(tokens_0, torch.zeros_like(step), step - 1, generator=generator)
    return DrawnChain(tokens_0, before, diffusion.noise(before, step - 1, step, generator=generator), step)


def drawn_bound(diffusion: Diffusion, chain: DrawnChain, log_p_of: LogPOf) -> Float[Tensor, " batch"]:
    """Nats per token, one estimate per pose; `log_p_of` is the prediction for `chain.tokens_s`."""
    zero, occ, schedule = torch.zeros_like(chain.step), diffusion.occ, diffusion.schedule
    past, now = schedule.mass(zero, chain.step - 1), schedule.mass(zero, chain.step)
    stay, each, past_occ = (_log(part) for part in (past.stay, past.each, past.occ))
    own_s, other_s, occ_s = (_log(part) for part in (now.stay + now.each, now.each, now.occ))
    was_occ, is_occ = chain.before == occ, chain.tokens_s == occ
    code_r, code_s = (tokens.masked_fill(tokens == occ, 0) for tokens in (chain.before, chain.tokens_s))

    def likelihood(tokens_0: Tensor) -> Tensor:
        """log q(k_s | k_0) for k_0 = tokens_0."""
        return torch.where(is_occ, occ_s, torch.where(tokens_0 == code_s, own_s, other_s))

    # w(k_0) = p(k_0) / q(k_s | k_0) and its sum over all k_0; see Diffusion.log_reverse.
    p_s = log_p_of(code_s).clamp(min=LOG_ZERO)
    not_p_s = torch.log1p(-p_s.exp().clamp(max=1 - 1e-6))
    total_code = torch.where(other_s <= LOG_ZERO, p_s - own_s, torch.logaddexp(p_s - own_s, not_p_s - other_s))
    total = torch.where(is_occ, -occ_s, total_code)
    w_r = log_p_of(code_r).clamp(min=LOG_ZERO) - likelihood(code_r)
    reached = torch.where(was_occ, past_occ + total, torch.logaddexp(stay + w_r, each + total))
    true_past = torch.where(code_r == chain.tokens_0, _log(past.stay + past.each), each)
    posterior = torch.where(was_occ, past_occ, true_past) - likelihood(chain.tokens_0)
    estimate = posterior - reached
    # Without replacement a code that is seen was there a step before: nothing is left to predict.
    certain = ~is_occ & (other_s <= LOG_ZERO)
    return estimate.masked_fill(certain, 0.0).mean(dim=-1)


def _log(probability: Tensor) -> Tensor:
    return probability.log().clamp(min=LOG_ZERO).float()[:, None]
