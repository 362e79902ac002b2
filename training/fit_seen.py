"""Fits what the live model says about which joints are seen, by the truth that the renderer knows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engine.body.skeleton_map import confidence_of
from engine.model.seen import SeenHead
from engine.runtime.blazepose_estimator import HIDDEN_BELOW
from engine.runtime.live_numbers import SEEN
from engine.runtime.placed_pose import SEEN_FROM
from training.live_data import EncodedSet
from training.live_rows import LiveRows

Flags = NDArray[np.bool_]

_CROPS, _STEPS, _BATCH = 20_000, 1500, 256


@dataclass(frozen=True, slots=True)
class SeenReport:
    """How well hidden joints are told, shares; the pelvis left out."""

    recall: float
    """Of the hidden joints, those that are called hidden."""
    precision: float
    """Of the joints that are called hidden, those that are."""
    balanced_accuracy: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def fit_seen(crops: EncodedSet, *, seed: int = 0) -> SeenHead:
    """By cross entropy on at most 20,000 crops, evenly spread over the set. The same seed gives the same head."""
    rows = crops.take(np.linspace(0, len(crops) - 1, min(_CROPS, len(crops))).astype(int))
    points, view = torch.from_numpy(rows.points), torch.from_numpy(rows.view)
    truth = torch.from_numpy((rows.visible > 0).astype(np.float32))
    torch.manual_seed(seed)
    head, generator = SeenHead(), torch.Generator().manual_seed(seed)
    head.measure(points, view)
    optimizer = torch.optim.AdamW(head.parameters(), lr=5e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        drawn = torch.randint(len(truth), (_BATCH,), generator=generator)
        loss = functional.binary_cross_entropy_with_logits(head.logits(points[drawn], view[drawn]), truth[drawn])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return head.requires_grad_(requires_grad=False)


@torch.no_grad()
def model_hidden(head: SeenHead, rows: LiveRows) -> Flags:
    """(n, 17) what the live model calls hidden."""
    hidden: Flags = head(torch.from_numpy(rows.points), torch.from_numpy(rows.view)).numpy() < SEEN_FROM
    return hidden


def seen_report(called_hidden: Flags, visible: Flags) -> SeenReport:
    """Both (n, 17)."""
    called, seen = called_hidden[:, 1:], visible[:, 1:]
    recall, kept = float(called[~seen].mean()), float((~called)[seen].mean())
    return SeenReport(recall, float((~seen)[called].mean()) if called.any() else float("nan"), (recall + kept) / 2)


def blazepose_hidden(rows: LiveRows) -> Flags:
    """(n, 17) what the baseline estimator calls hidden."""
    hidden: Flags = np.stack([confidence_of(seen) for seen in rows.points[..., SEEN][..., 0]]) < HIDDEN_BELOW
    return hidden
