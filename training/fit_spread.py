"""How much scatter of the hypotheses means how many millimetres.

The three numbers per joint of the spread head are fitted by the quantile loss (Koenker and Bassett, "Regression
Quantiles", Econometrica 1978) on crops of people whom the denoiser was not trained on. How well stated radii hold is
measured across people: fitted on one half of them, measured on the other, both ways. The denoiser stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.model.live_pose import LivePose, gumbel_noise
from engine.model.spread import HELD_SHARE, LEAST_MM, SpreadHead, scatter_of
from training.data_error import DataError
from training.evaluate_live import stream_mm
from training.live_data import LiveBatch
from training.live_rows import LiveRows

Array = NDArray[np.float64]

_NOISE_SEED, _CROPS_AT_ONCE, _STEPS = 0, 256, 800
DECILES = 10
_AIMED = HELD_SHARE + 0.004
"""Share that is held of the errors that are fitted: on other people the radii hold a little less."""


@dataclass(frozen=True, slots=True, eq=False)
class SpreadRows:
    """Hypotheses of n crops against the truth, in the stream's joints."""

    scatter_mm: Tensor
    """(n, 17)"""
    errors_mm: Tensor
    """(n, 17) distance of the estimate from the truth."""
    seen: Tensor
    """(n, 17) probability that the joint is seen, as the model says."""
    best_mm: Tensor
    """(n,) mean error of the hypothesis that is nearest to the truth."""

    def part(self, chosen: Tensor) -> SpreadRows:
        return SpreadRows(self.scatter_mm[chosen], self.errors_mm[chosen], self.seen[chosen], self.best_mm[chosen])


@dataclass(frozen=True, slots=True)
class SpreadReport:
    """How often the stated radius holds the true joint (shares, the pelvis left out), and how well it ranks errors."""

    held: float
    held_visible: float
    held_hidden: float
    held_by_decile: tuple[float, ...]
    """From the tenth of the joints with the smallest stated radius to that with the largest."""
    rank_correlation: float
    """Spearman's, between stated radius and error."""
    median_mm: float
    """Of the stated radii."""
    crops: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@torch.no_grad()
def spread_rows(pose: LivePose, rows: LiveRows) -> SpreadRows:
    """Every crop once, with the same noise."""
    batch, noise = LiveBatch.of(rows), gumbel_noise(pose.noise_shape, _NOISE_SEED)
    truth = torch.from_numpy(stream_mm(rows.joints_mm))
    scatters, errors, seens, best = [], [], [], []
    for start in range(0, len(batch), _CROPS_AT_ONCE):
        crops, true = batch.crops.rows(start, start + _CROPS_AT_ONCE), truth[start : start + _CROPS_AT_ONCE]
        joints, _, seen, hypotheses = pose(
            crops.points, crops.at_points, crops.trunk_2, crops.trunk_4, crops.view, noise
        )
        scatters.append(scatter_of(hypotheses, joints))
        errors.append((joints - true).norm(dim=-1))
        seens.append(seen)
        best.append((hypotheses - true[:, None]).norm(dim=-1).mean(dim=-1).amin(dim=1))
    return SpreadRows(torch.cat(scatters), torch.cat(errors), torch.cat(seens), torch.cat(best))


def fit_spread(rows: SpreadRows) -> SpreadHead:
    """The head whose radius holds 90 % of these errors. Nothing is drawn: the same rows give the same head."""
    head = SpreadHead()
    wanted = rows.errors_mm.clamp(min=LEAST_MM).log()
    with torch.no_grad():
        head.offset.copy_((wanted - head.log_radius(rows.scatter_mm, rows.seen)).quantile(_AIMED, dim=0))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, _STEPS)
    for _ in range(_STEPS):
        missed = (wanted - head.log_radius(rows.scatter_mm, rows.seen))[:, 1:]
        loss = torch.maximum(_AIMED * missed, (_AIMED - 1) * missed).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return head.requires_grad_(requires_grad=False)


def radii_across_people(rows: SpreadRows, people: Sequence[str]) -> Array:
    """(n, 17) what is stated about each crop by a head that was fitted on the other half of the people.

    DataError where all crops show one person.
    """
    names = sorted(set(people))
    if len(names) < 2:
        raise DataError.of("crops", "people", f"all show {names}", cure="give crops of several people")
    first = torch.from_numpy(np.isin(people, names[::2]))
    radii = np.zeros(rows.errors_mm.shape)
    for measured, fitted in ((first, ~first), (~first, first)):
        head = fit_spread(rows.part(fitted))
        radii[measured.numpy()] = head(rows.scatter_mm[measured], rows.seen[measured]).numpy()
    return radii


def report_of(radii_mm: Array, errors_mm: Array, visible: NDArray[np.bool_]) -> SpreadReport:
    """All (n, 17); row 0, the pelvis, counts for nothing."""
    from scipy.stats import spearmanr

    stated, errors = radii_mm[:, 1:].ravel(), errors_mm[:, 1:].ravel()
    seen = visible[:, 1:].ravel()
    held = errors <= stated
    rank = stated.argsort(kind="stable").argsort(kind="stable")
    decile = rank * DECILES // len(rank)
    return SpreadReport(
        held=_share(held),
        held_visible=_share(held[seen]),
        held_hidden=_share(held[~seen]),
        held_by_decile=tuple(_share(held[decile == part]) for part in range(DECILES)),
        rank_correlation=round(float(spearmanr(stated, errors).statistic), 4),
        median_mm=round(float(np.median(stated)), 1),
        crops=len(radii_mm),
    )


def _share(held: NDArray[np.bool_]) -> float:
    return round(float(held.mean()), 4) if held.size else float("nan")
