"""Short training runs for comparisons: every contestant gets the same steps, data and schedule, and no checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.model.config import OptimiserConfig
from training.ema import Ema
from training.run import adamw, schedule_of, set_rate


def train_for(
    network: nn.Module,
    loss_of_step: Callable[[int, torch.Generator], Tensor],
    *,
    plan: OptimiserConfig,
    steps: int,
    seed: int,
) -> None:
    """AdamW with the plan's schedule over `steps`; the network ends in evaluation mode with its averaged weights.

    `loss_of_step(step, generator)` runs the network in training mode; only what it trains has a gradient.
    """
    schedule, optimizer = schedule_of(plan, steps), adamw(network, plan)
    average = Ema(network, plan.ema_decay)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for step in range(steps):
        set_rate(optimizer, schedule.rate(step))
        torch.autograd.backward(loss_of_step(step, generator))
        if plan.clip_norm > 0:
            nn.utils.clip_grad_norm_(network.parameters(), plan.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        average.update(network, step)
    network.load_state_dict(average.weights)
    network.eval()
