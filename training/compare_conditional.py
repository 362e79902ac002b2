"""2D to 3D with hidden joints: Di2Pose's three transitions beside a classifier and a regression of the same size.

    di2pose train tokenizer --config training/conditional.toml --data DIR --out TOKENIZER
    python -m training.compare_conditional --data DIR --tokenizer TOKENIZER/checkpoint --out FILE.jsonl

Every method gets the same network body, condition, batches and number of steps. A line is appended after each run and
runs that the file already holds are skipped, so the script can be cut and called again. `--table` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.model.config import (
    ConditionConfig,
    DenoiserConfig,
    DenoiserTrainingConfig,
    DiffusionConfig,
    ModelConfig,
    OptimiserConfig,
    SamplingConfig,
)
from engine.model.tokenizer import Tokenizer
from training.budget import train_for
from training.cmu import BoneMotion, load_motion
from training.conditioned import ConditionedSampler, held_out
from training.data_directory import DataDirectory
from training.evaluate_tokenizer import shipped_tokenizer
from training.journal import read_journal
from training.lifting_baselines import DiffusionLifter, Lifter, PoseClassifier, PoseRegressor

log = logging.getLogger(__name__)

HIDDEN = (0, 4, 8)
HYPOTHESES = 20
MASSES = {"both": (0.9, 0.1), "occlude": (1.0, 0.0), "replace": (0.0, 1.0)}
"""Final masses of Occ and of replacement."""
METHODS = ("regression", "classifier", *(f"di2pose {name}" for name in MASSES))


@dataclass(frozen=True, slots=True)
class Budget:
    """The same for every method. `every`: one held-out frame of so many is tested."""

    steps: int
    batch: int = 32
    every: int = 128
    sampling_steps: int = 10
    loss: str = "direct"
    """`paper`: bound + 5e-4 auxiliary. `direct`: auxiliary and joint-space loss at weight 1, as the classifier has."""


def configured(stage1: ModelConfig, method: str, budget: Budget) -> ModelConfig:
    """A denoiser small enough for a CPU around the given tokenizer."""
    occ, replaced = MASSES[method.removeprefix("di2pose ")] if method.startswith("di2pose") else MASSES["both"]
    direct = budget.loss == "direct"
    plan = OptimiserConfig(
        lr=3e-3, weight_decay=0.045, beta1=0.9, beta2=0.96, batch=budget.batch, epochs=1, warmup_steps=100,
        lr_schedule="cosine", clip_norm=0.5, ema_decay=0.99,
    )  # fmt: skip
    return replace(
        stage1,
        denoiser=DenoiserConfig(
            layers=2, heads=4, channels=64, condition_channels=64, head="levels", token_input="codes"
        ),
        condition=ConditionConfig(layers=1, heads=4),
        diffusion=DiffusionConfig(20, occ, replaced, auxiliary_weight=1.0 if direct else 5e-4),
        sampling=SamplingConfig(sampler="ancestral", steps=budget.sampling_steps, hypotheses=1),
        denoiser_training=DenoiserTrainingConfig(plan, joint_loss_weight=1.0 if direct else 0.0),
    )


def run_one(
    stage1: ModelConfig, tokenizer: Tokenizer, motion: BoneMotion, *, method: str, seed: int, budget: Budget
) -> dict[str, Any]:
    """Train one method with one seed and test it at 0, 4 and 8 hidden joints."""
    config = configured(stage1, method, budget)
    torch.manual_seed(seed)
    build: dict[str, Callable[[ModelConfig, Tokenizer], Lifter]] = {
        "regression": PoseRegressor,
        "classifier": PoseClassifier,
    }
    lifter = build.get(method, DiffusionLifter)(config, tokenizer)
    assert isinstance(lifter, nn.Module)
    sampler = ConditionedSampler(motion.part("train"), seed, batch_size=budget.batch)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        return lifter.loss(sampler.batch(step), generator)

    start_s = time.process_time()
    train_for(lifter, loss, plan=config.denoiser_training.optimiser, steps=budget.steps, seed=seed)
    row: dict[str, Any] = {
        "method": method, "seed": seed, "step": budget.steps, "loss": budget.loss, "batch": budget.batch,
        "parameters": sum(weight.numel() for weight in lifter.parameters()),
        "cpu_s": round(time.process_time() - start_s),
    }  # fmt: skip
    for hidden in HIDDEN:
        row |= {f"hidden{hidden}_{name}": value for name, value in _test(lifter, motion, hidden, budget).items()}
    return row


def _is_of(row: dict[str, Any], method: str, seed: int, budget: Budget) -> bool:
    asked = (method, seed, budget.steps, budget.batch, budget.loss)
    return (row["method"], row["seed"], row["step"], row["batch"], row["loss"]) == asked


def _test(lifter: Lifter, motion: BoneMotion, hidden: int, budget: Budget) -> dict[str, float]:
    """MPJPE of the first hypothesis, of the mean of all, and of the best one."""
    data = held_out(motion, hidden=hidden, every=budget.every)
    generator = torch.Generator().manual_seed(0)
    parts = [lifter.hypotheses_mm(data.rows(row, row + 8), HYPOTHESES, generator) for row in range(0, len(data), 8)]
    drawn, truth = torch.cat(parts), data.joints_mm[:, None]
    errors = (drawn - truth).norm(dim=-1).mean(dim=-1)
    mean = (drawn.mean(dim=1) - data.joints_mm).norm(dim=-1).mean()
    return {
        "one_mm": round(float(errors[:, 0].mean()), 2),
        "mean_mm": round(float(mean), 2),
        "best_mm": round(float(errors.min(dim=1).values.mean()), 2),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and spread over the seeds, in Markdown."""
    lines = ["| method | seeds | hidden | one mm | mean of 20 mm | best of 20 mm |", "|---|---|---|---|---|---|"]
    for method in METHODS:
        mine = [row for row in rows if row["method"] == method]
        for hidden in HIDDEN if mine else ():
            cells = []
            for name in ("one_mm", "mean_mm", "best_mm"):
                values = np.array([row[f"hidden{hidden}_{name}"] for row in mine])
                cells.append(f"{values.mean():.1f} ± {values.std(ddof=1) if len(values) > 1 else float('nan'):.1f}")
            lines.append(f"| {method} | {len(mine)} | {hidden} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ways from 2D joints to a 3D pose.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tokenizer", required=True, help="Few codes make the diffusion cheap: conditional.toml.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--every", type=int, default=128)
    parser.add_argument("--loss", choices=("direct", "paper"), default="direct", help="Of Di2Pose; see Budget.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", action="append", choices=METHODS, help="One method; repeat for several.")
    parser.add_argument("--table", action="store_true", help="Print the table of the file and end.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if asked.table:
        log.info("%s", table(read_journal(asked.out)))
        return
    if asked.threads:
        torch.set_num_threads(asked.threads)
    stage1, tokenizer = shipped_tokenizer(asked.tokenizer)
    motion, budget = (
        load_motion(DataDirectory.find(asked.data)),
        Budget(asked.steps, asked.batch, asked.every, loss=asked.loss),
    )
    for seed in range(asked.seeds):
        for method in asked.only or METHODS:
            if any(_is_of(row, method, seed, budget) for row in read_journal(asked.out)):
                continue
            row = run_one(stage1, tokenizer, motion, method=method, seed=seed, budget=budget)
            with asked.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            log.info("%s", row)


if __name__ == "__main__":
    main()
