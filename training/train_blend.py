"""Trains the temporal blend (`engine.runtime.temporal_blend`) on looks at rendered people in motion."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.body.skeleton import H36M17
from engine.runtime.temporal_blend import CHOICES, FEATURES, JOINTS, OUTPUTS, Moments, TemporalBlend
from training.sequences import Looks
from training.whole_npz import write_npz

log = logging.getLogger(__name__)

F32 = NDArray[np.float32]

_MIRROR = np.asarray(H36M17.mirror_rows)
_ACROSS = np.array([-1, 1, 1], np.float32)
_ROLL_RAD, _SIZE = 0.15, 0.1
"""Looks are rolled, and people made larger and smaller, by up to so much."""
_AVERAGED = 0.01
"""Share of a step's weights in those that are kept (Polyak averaging)."""
_LOG_EVERY = 300


@dataclass(frozen=True, slots=True)
class BlendTraining:
    steps: int = 1500
    looks: int = 1536
    """In a step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    width: int = 256
    layers: int = 3
    dropout: float = 0.2
    steady: float = 0.1
    """Weight of the error's acceleration over three moments, beside the error: less of it trembles more."""
    stay: float = 0.15
    """Weight of the length of the shift: it is made where it gains more than this."""


class BlendNetwork(nn.Module):
    """The layers, in torch; answers as `TemporalBlend` does."""

    def __init__(self, plan: BlendTraining) -> None:
        super().__init__()
        sizes = [FEATURES, *[plan.width] * plan.layers, OUTPUTS]
        self.linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.registered = nn.ModuleList(self.linear)
        self.dropout = nn.Dropout(plan.dropout)
        last = self.linear[-1]
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()
            last.bias[: JOINTS * CHOICES : CHOICES] = 1.0

    def forward(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """(n, 17, 3) joints in metres relative to the pelvis, and the length of their shifts (n, 17)."""
        found = torch.from_numpy(moments.features)
        for row, layer in enumerate(self.linear):
            found = layer(found)
            if row < len(self.linear) - 1:
                found = self.dropout(nn.functional.silu(found))
        shares = found[:, : JOINTS * CHOICES].reshape(-1, JOINTS, CHOICES).softmax(dim=-1).mT[..., None]
        turned = found[:, JOINTS * CHOICES :].reshape(-1, JOINTS, 3).tanh()
        shift = torch.from_numpy(moments.most_shift_m) * turned
        candidates = np.concatenate([moments.joints_m[:, None], moments.means_m], axis=1)
        joints = (shares * torch.from_numpy(candidates)).sum(dim=1) + shift
        return joints - joints[:, :1], shift.norm(dim=-1)


def trained(looks: Looks, plan: BlendTraining, *, seed: int) -> TemporalBlend:
    """The average of the last steps' weights."""
    torch.manual_seed(seed)
    network = BlendNetwork(plan)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=plan.steps, pct_start=0.1)
    for step, (moments, truth_m) in enumerate(_batches(looks, plan, np.random.default_rng(seed))):
        joints, shifts = network(moments)
        error = joints - torch.from_numpy(truth_m)
        before, now, after = error.reshape(3, -1, JOINTS, 3)
        distance = error.norm(dim=-1).mean()
        uneven = (before - 2 * now + after).norm(dim=-1).mean()
        loss = distance + plan.steady * uneven + plan.stay * shifts.mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        for name, value in network.state_dict().items():
            kept[name].lerp_(value, max(_AVERAGED, 1 / (step + 1)))
        if step % _LOG_EVERY == 0 or step == plan.steps - 1:
            log.info("step %d: %.1f mm", step + 1, 1000 * distance.item())
    network.load_state_dict(kept)
    return _on_numpy(network)


def write(blend: TemporalBlend, path: Path) -> None:
    """As `TemporalBlend.read` reads it."""
    arrays: dict[str, F32] = {}
    for row, (weights, biases) in enumerate(blend.layers):
        arrays |= {f"weights{row}": weights, f"biases{row}": biases}
    write_npz(path, arrays)


def mean_error_mm(looks: Looks, joints_m: F32) -> float:
    """Over all joints but the pelvis."""
    return float(1000 * np.linalg.norm(joints_m - looks.truth_m, axis=-1)[:, 1:].mean())


def unevenness_mm(looks: Looks, joints_m: F32) -> float:
    """Median length of the error's acceleration over three moments in a row."""
    before, now, after = np.moveaxis((joints_m - looks.truth_m)[looks.neighbours], 1, 0)
    return float(1000 * np.median(np.linalg.norm(before - 2 * now + after, axis=-1)[:, 1:]))


def changed(looks: Moments, truth_m: F32, rng: np.random.Generator, *, groups: int) -> tuple[Moments, F32]:
    """Half of them mirrored, all rolled and resized; row i of every group alike."""
    count = len(truth_m) // groups
    flip = np.tile(rng.random(count) < 0.5, groups)
    roll = np.tile(rng.uniform(-_ROLL_RAD, _ROLL_RAD, count), groups)
    size = np.tile(np.exp(rng.uniform(-_SIZE, _SIZE, count)), groups)
    turn = np.zeros((len(truth_m), 3, 3), np.float32)
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(roll) * size
    turn[:, 1, 0] = np.sin(roll) * size
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = size

    def placed(points_m: F32) -> F32:
        swapped = points_m.copy()
        swapped[flip] = points_m[flip][..., _MIRROR, :] * _ACROSS
        own = turn if points_m.ndim == 3 else turn[:, None]
        return swapped @ np.swapaxes(own, -1, -2)

    def swapped(values: F32) -> F32:
        result = values.copy()
        result[flip] = values[flip][..., _MIRROR]
        return result

    moments = replace(
        looks,
        joints_m=placed(looks.joints_m),
        means_m=placed(looks.means_m),
        log_spread=swapped(looks.log_spread) + np.log(size)[:, None].astype(np.float32),
        seen=swapped(looks.seen),
        log_weights=swapped(looks.log_weights),
    )
    return moments, placed(truth_m)


def picked(moments: Moments, rows: NDArray[np.intp]) -> Moments:
    return Moments(*(getattr(moments, entry.name)[rows] for entry in fields(Moments)))


def _batches(looks: Looks, plan: BlendTraining, rng: np.random.Generator) -> Iterator[tuple[Moments, F32]]:
    """Moments in groups of three: those before, between and after."""
    for _ in range(plan.steps):
        rows = looks.neighbours[rng.integers(len(looks.neighbours), size=plan.looks // 3)].T.ravel()
        yield changed(picked(looks.moments, rows), looks.truth_m[rows], rng, groups=3)


def _on_numpy(network: BlendNetwork) -> TemporalBlend:
    return TemporalBlend(
        [(layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()) for layer in network.linear]
    )
