"""The paper's ablations on whatever data is at hand, at a stated budget: what tokens, steps and data are worth.

The paper's own sizes need a GPU, so each study varies one setting of a base configuration. Stage 1 is measured by its
reconstruction of held-out poses, stage 2 by the poses it finds from projected 2D joints. The numbers of the paper come
from Human3.6M and images; they are quoted for their order, never as comparable.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from engine.model.config import LocalMlpConfig, ModelConfig
from engine.model.tokenizer import Tokenizer
from training.budget import train_for
from training.cmu import BoneMotion, Clip
from training.compare_conditional import Budget, configured
from training.conditioned import Conditioned, ConditionedSampler, held_out
from training.evaluate_tokenizer import evaluate_tokenizer
from training.lifting_baselines import DiffusionLifter
from training.metrics import mpjpe_mm, pa_mpjpe_mm
from training.pose_stream import PoseSampler
from training.train_tokenizer import TokenizerTask

log = logging.getLogger(__name__)


class AblationError(ValueError):
    """There is no such study; the text names those that are."""


@dataclass(frozen=True, slots=True)
class Study:
    """One of the paper's tables or figures, with its numbers (MPJPE/PA-MPJPE, mm, Human3.6M)."""

    name: str
    title: str
    paper: dict[str, str]


STUDIES = (
    Study(
        "joint-shift", "Reconstruction by Joint Shift groups", {"1": "14.5/13.0", "3": "13.6/12.5", "5": "14.1/12.8"}
    ),
    Study(
        "levels",
        "Reconstruction by FSQ levels",
        {"8,5,5,5": "15.2/15.9", "7,5,5,5,5": "13.6/12.5", "8,8,8,6,5": "13.8/12.7"},
    ),
    Study("final-occ", "Final share of Occ", {"0": "50.4", "0.3": "50.7", "0.6": "49.5", "0.9": "49.2", "1": "51.0"}),
    Study("transitions", "Transitions", {"occlude": "51.0/39.5", "replace": "50.4/39.3", "both": "49.2/39.0"}),
    Study(
        "steps",
        "Training -> inference steps",
        {
            "25->25": "51.7",
            "50->25": "51.1",
            "50->50": "50.6",
            "100->25": "50.3",
            "100->50": "49.9",
            "100->100": "49.2",
        },
    ),
    Study("data-share", "Share of the training data (figure 1a)", {"0.1": "", "0.25": "", "0.5": "", "1": ""}),
)
"""Tables 3 to 5 and figure 1a."""


@dataclass(frozen=True, slots=True)
class AblationBudget:
    """Steps of each training run; the same for every row."""

    tokenizer_steps: int = 300
    denoiser_steps: int = 200
    seed: int = 0
    batch: int = 64
    every: int = 64
    """One held-out frame of so many is sampled for stage 2."""


def study(name: str) -> Study:
    for entry in STUDIES:
        if entry.name == name:
            return entry
    raise AblationError(f"there is no study {name!r}; choose one of {', '.join(entry.name for entry in STUDIES)}")


def run(
    chosen: Study, base: ModelConfig, motion: BoneMotion, *, tokenizer: Tokenizer | None, budget: AblationBudget
) -> Iterator[dict[str, Any]]:
    """One row per setting, as soon as it is measured. Stage-2 studies train a small denoiser around `tokenizer`."""
    trained_at: dict[tuple[str, float], DiffusionLifter] = {}
    for setting, published in chosen.paper.items():
        start_s = time.process_time()
        if chosen.name in ("joint-shift", "levels"):
            errors = _reconstruction(_varied(chosen.name, setting, base), motion, budget)
        elif tokenizer is None:
            raise AblationError(f"study {chosen.name} needs a trained tokenizer; give --tokenizer")
        else:
            errors = _lifting(chosen.name, setting, (base, tokenizer), motion, budget=budget, trained=trained_at)
        yield {
            "study": chosen.name,
            "setting": setting,
            "mpjpe_mm": round(errors[0], 2),
            "pa_mpjpe_mm": round(errors[1], 2),
            "paper_human36m_mm": published,
            "cpu_s": round(time.process_time() - start_s),
        }


def as_markdown(chosen: Study, rows: list[dict[str, Any]], *, data: str, budget: AblationBudget) -> str:
    steps = f"{budget.tokenizer_steps} steps per tokenizer, {budget.denoiser_steps} per denoiser"
    head = f"{data}; {steps}, seed {budget.seed}."
    lines = [f"## {chosen.title}", "", head, ""]
    lines += ["| setting | MPJPE mm | PA-MPJPE mm | paper (Human3.6M, images) |", "|---|---|---|---|"]
    lines += [
        f"| {row['setting']} | {row['mpjpe_mm']} | {row['pa_mpjpe_mm']} | {row['paper_human36m_mm']} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def _varied(name: str, setting: str, base: ModelConfig) -> ModelConfig:
    """The paper's blocks at a size that trains on a CPU, one setting changed."""
    encoder = LocalMlpConfig(blocks=2, channels=96, mlp_ratio=2)
    decoder = LocalMlpConfig(blocks=1, channels=96, mlp_ratio=2)
    tokens = replace(
        base.tokenizer,
        layout="joints",
        stages=1,
        mix_channels=0,
        encoder=encoder,
        decoder=decoder,
        corrupt_poses=0.0,
        corrupt_share=0.0,
    )
    if name == "joint-shift":
        groups = int(setting)
        tokens = replace(
            tokens, encoder=replace(encoder, shift_groups=groups), decoder=replace(decoder, shift_groups=groups)
        )
    else:
        tokens = replace(tokens, levels=tuple(int(level) for level in setting.split(",")))
    return replace(base, tokenizer=tokens)


def _reconstruction(config: ModelConfig, motion: BoneMotion, budget: AblationBudget) -> tuple[float, float]:
    torch.manual_seed(budget.seed)
    task = TokenizerTask(Tokenizer(config.tokenizer), config.tokenizer_training)
    sampler = PoseSampler(motion.part("train"), budget.seed, batch_size=budget.batch)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        found: Tensor = task(torch.from_numpy(sampler.batch(step)), generator)
        return found

    plan = config.tokenizer_training.optimiser
    train_for(task, loss, plan=plan, steps=budget.tokenizer_steps, seed=budget.seed)
    report = evaluate_tokenizer(task.tokenizer, motion)
    return report.mpjpe_mm, report.pa_mpjpe_mm


def _lifting(
    name: str,
    setting: str,
    stage1: tuple[ModelConfig, Tokenizer],
    motion: BoneMotion,
    *,
    budget: AblationBudget,
    trained: dict[tuple[str, float], DiffusionLifter],
) -> tuple[float, float]:
    """Runs that differ only in how they are sampled share their training."""
    base, tokenizer = stage1
    config, share, visits = _stage2(name, setting, base, budget)
    key = (str(config.diffusion), share)
    if key not in trained:
        trained[key] = _trained(config, tokenizer, _part_of_training(motion, share), budget)
    data = held_out(motion, hidden=0, every=budget.every)
    drawn = _sampled(trained[key], data, visits)
    truth = data.joints_mm.numpy()
    return mpjpe_mm(drawn, truth), pa_mpjpe_mm(drawn, truth)


def _stage2(name: str, setting: str, base: ModelConfig, budget: AblationBudget) -> tuple[ModelConfig, float, int]:
    """Configuration, share of the training data, and steps at inference of one row."""
    small = configured(base, "di2pose both", Budget(budget.denoiser_steps, budget.batch, budget.every))
    if name == "final-occ":
        occ = float(setting)
        return replace(small, diffusion=replace(small.diffusion, final_occ=occ, final_replace=1 - occ)), 1.0, 20
    if name == "transitions":
        return configured(base, f"di2pose {setting}", Budget(budget.denoiser_steps, budget.batch)), 1.0, 20
    if name == "steps":
        learned, visited = (int(count) for count in setting.split("->"))
        return replace(small, diffusion=replace(small.diffusion, steps=learned)), 1.0, visited
    return small, float(setting), 20


def _trained(config: ModelConfig, tokenizer: Tokenizer, motion: BoneMotion, budget: AblationBudget) -> DiffusionLifter:
    torch.manual_seed(budget.seed)
    lifter = DiffusionLifter(config, tokenizer)
    sampler = ConditionedSampler(motion, budget.seed, batch_size=budget.batch)
    plan = config.denoiser_training.optimiser
    train_for(
        lifter,
        lambda step, generator: lifter.loss(sampler.batch(step), generator),
        plan=plan,
        steps=budget.denoiser_steps,
        seed=budget.seed,
    )
    return lifter


def _sampled(lifter: DiffusionLifter, data: Conditioned, steps: int) -> Any:
    generator = torch.Generator().manual_seed(0)
    return torch.cat(
        [lifter.sampled_mm(data.rows(row, row + 64), steps, generator) for row in range(0, len(data), 64)]
    ).numpy()


def _part_of_training(motion: BoneMotion, share: float) -> BoneMotion:
    """The training frames, or the first part of every clip: fewer frames of the same people and actions."""
    train = motion.part("train")
    if share == 1.0:
        return train
    keep = [range(clip.start, clip.start + max(1, round(share * (clip.stop - clip.start)))) for clip in train.clips]
    clips, start = [], 0
    for clip, rows in zip(train.clips, keep, strict=True):
        clips.append(Clip(clip.name, clip.subject, start, start + len(rows)))
        start += len(rows)
    chosen = [row for rows in keep for row in rows]
    return BoneMotion(train.rotations[chosen], train.rate_hz, tuple(clips))
