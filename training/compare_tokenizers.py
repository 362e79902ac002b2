"""What tokens are for: ours beside vector-quantised and fixed ones of the same bits, trained for the same time.

    python -m training.compare_tokenizers --data DIR --out FILE.jsonl --steps 600

Every row is appended when it is known, so a run that is cut loses at most one tokenizer. Ours is the shipped
configuration; `ours, undisturbed` differs only in never seeing disturbed tokens while it trains. With `--recipes` the
contestants are the steps from the paper's recipe to ours instead.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.model.config import ModelConfig, OptimiserConfig, load
from engine.model.tokenizer import Tokenizer
from training.baseline_tokenizers import DigitTokenizer, PoseTokens, VqTokenizer
from training.budget import train_for
from training.cmu import BoneMotion, load_motion
from training.data_directory import DataDirectory
from training.disturbed import disturbed
from training.joint_limits import plausible
from training.journal import read_journal
from training.pose_stream import PoseSampler, held_out_poses
from training.recipes import recipes
from training.train_tokenizer import TokenizerTask

log = logging.getLogger(__name__)

VQ_CODES = 1024
VQ_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Budget:
    """The same for every tokenizer that learns."""

    steps: int
    seed: int = 0
    batch: int = 256


@dataclass(frozen=True, slots=True)
class Contestant:
    """`network` returns its training loss when called with a batch and a generator; None where nothing is learned."""

    name: str
    tokens: PoseTokens
    network: nn.Module | None
    plan: OptimiserConfig


def contestants(config: ModelConfig) -> dict[str, Callable[[], Contestant]]:
    """By name, made only when its turn comes."""
    bits = config.tokenizer.tokens * math.log2(config.tokenizer.codes)
    vq_tokens = round(bits / math.log2(VQ_CODES))
    calm = replace(config, tokenizer=replace(config.tokenizer, corrupt_poses=0.0, corrupt_share=0.0))
    return {
        "ours": lambda: _ours("ours", config),
        "ours, undisturbed": lambda: _ours("ours, undisturbed", calm),
        "PCT-style VQ": lambda: _vq("PCT-style VQ", vq_tokens, config, style="pct"),
        "plain VQ": lambda: _vq("plain VQ", vq_tokens, config, style="plain"),
        "fixed scalar": lambda: Contestant(
            "fixed scalar", DigitTokenizer(config.tokenizer.codes), None, config.tokenizer_training.optimiser
        ),
    }


def steps_to_ours(config: ModelConfig) -> dict[str, Callable[[], Contestant]]:
    """The recipes of `training.recipes` in the same form."""
    return {name: partial(_ours, name, chosen) for name, chosen in recipes(config).items()}


def compare(entries: Mapping[str, Callable[[], Contestant]], motion: BoneMotion, *, budget: Budget, out: Path) -> None:
    """Append one JSON line per tokenizer to `out`; those that it already holds at this budget are skipped."""
    poses = held_out_poses(motion)
    for name, make in entries.items():
        known = [(row["tokenizer"], row["step"], row["seed"]) for row in read_journal(out)]
        if (name, budget.steps, budget.seed) in known:
            continue
        torch.manual_seed(budget.seed)
        contestant = make()
        start_s = time.process_time()
        if contestant.network is not None:
            _train(contestant.network, motion, plan=contestant.plan, budget=budget)
        row: dict[str, Any] = {
            "tokenizer": name,
            "tokens": contestant.tokens.tokens,
            "bits": round(contestant.tokens.tokens * math.log2(contestant.tokens.codes)),
            "parameters": _parameters(contestant.network),
            "step": budget.steps,
            "batch": budget.batch,
            "seed": budget.seed,
            "cpu_s": round(time.process_time() - start_s),
            "truth_plausible": round(float(plausible(poses).mean()), 4),
        }
        for found in disturbed(contestant.tokens, poses):
            key = f"resampled_{round(100 * found.share)}"
            row[f"{key}_mpjpe_mm"] = round(found.mpjpe_mm, 2)
            row[f"{key}_plausible"] = round(found.plausible_share, 4)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        log.info("%s", row)


def _train(network: nn.Module, motion: BoneMotion, *, plan: OptimiserConfig, budget: Budget) -> None:
    sampler = PoseSampler(motion.part("train"), budget.seed, batch_size=budget.batch)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        found: Tensor = network(torch.from_numpy(sampler.batch(step)), generator)
        return found

    train_for(network, loss, plan=plan, steps=budget.steps, seed=budget.seed)


def _ours(name: str, config: ModelConfig) -> Contestant:
    tokenizer = Tokenizer(config.tokenizer)
    training = config.tokenizer_training
    return Contestant(name, tokenizer, TokenizerTask(tokenizer, training), training.optimiser)


def _vq(name: str, tokens: int, config: ModelConfig, *, style: str) -> Contestant:
    tokenizer = VqTokenizer(tokens=tokens, codes=VQ_CODES, channels=VQ_CHANNELS, width=384, style=style)
    return Contestant(name, tokenizer, tokenizer, config.tokenizer_training.optimiser)


def _parameters(network: nn.Module | None) -> int:
    return 0 if network is None else sum(weight.numel() for weight in network.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare tokenizers of the same bits.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", default="tokenizer100")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--only", action="append", default=[], help="One name; repeat for several.")
    parser.add_argument("--recipes", action="store_true", help="Compare the steps from the paper's recipe to ours.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if asked.threads:
        torch.set_num_threads(asked.threads)
    config = load(asked.config)
    entries = steps_to_ours(config) if asked.recipes else contestants(config)
    chosen = {name: make for name, make in entries.items() if not asked.only or name in asked.only}
    motion = load_motion(DataDirectory.find(asked.data))
    compare(chosen, motion, budget=Budget(asked.steps, asked.seed, asked.batch), out=asked.out)


if __name__ == "__main__":
    main()
