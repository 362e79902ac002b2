"""What tokens are for: ours beside vector-quantised and fixed ones of the same bits, trained for the same time.

    python -m training.compare_tokenizers --data DIR --out FILE.jsonl --steps 600

Every row is appended when it is known, so a run that is cut loses at most one tokenizer. Ours is the shipped
configuration; `ours, undisturbed` differs only in never seeing disturbed tokens while it trains.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from training.pose_stream import PoseSampler, held_out_poses
from training.train_tokenizer import TokenizerTask

log = logging.getLogger(__name__)

VQ_CODES = 1024
VQ_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Budget:
    """The same for every tokenizer that learns."""

    steps: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Contestant:
    """`network` returns its training loss when called with a batch and a generator; None where nothing is learned."""

    name: str
    tokens: PoseTokens
    network: nn.Module | None


def contestants(config: ModelConfig) -> dict[str, Callable[[], Contestant]]:
    """By name, made only when its turn comes."""
    bits = config.tokenizer.tokens * math.log2(config.tokenizer.codes)
    vq_tokens = round(bits / math.log2(VQ_CODES))
    calm = replace(config, tokenizer=replace(config.tokenizer, corrupt_poses=0.0, corrupt_share=0.0))
    return {
        "ours": lambda: _ours("ours", config),
        "ours, undisturbed": lambda: _ours("ours, undisturbed", calm),
        "PCT-style VQ": lambda: _vq("PCT-style VQ", vq_tokens, style="pct"),
        "plain VQ": lambda: _vq("plain VQ", vq_tokens, style="plain"),
        "fixed scalar": lambda: Contestant("fixed scalar", DigitTokenizer(config.tokenizer.codes), None),
    }


def compare(config: ModelConfig, motion: BoneMotion, *, budget: Budget, out: Path, only: list[str]) -> None:
    """Append one JSON line per tokenizer (all, or those named in `only`) to `out`."""
    poses = held_out_poses(motion)
    for name, make in contestants(config).items():
        if only and name not in only:
            continue
        torch.manual_seed(budget.seed)
        contestant = make()
        start_s = time.process_time()
        if contestant.network is not None:
            _train(contestant.network, motion, plan=config.tokenizer_training.optimiser, budget=budget)
        row: dict[str, Any] = {
            "tokenizer": name,
            "tokens": contestant.tokens.tokens,
            "bits": round(contestant.tokens.tokens * math.log2(contestant.tokens.codes)),
            "parameters": _parameters(contestant.network),
            "steps": budget.steps if contestant.network is not None else 0,
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
    sampler = PoseSampler(motion.part("train"), budget.seed, batch_size=plan.batch)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        found: Tensor = network(torch.from_numpy(sampler.batch(step)), generator)
        return found

    train_for(network, loss, plan=plan, steps=budget.steps, seed=budget.seed)


def _ours(name: str, config: ModelConfig) -> Contestant:
    tokenizer = Tokenizer(config.tokenizer)
    return Contestant(name, tokenizer, TokenizerTask(tokenizer, config.tokenizer_training))


def _vq(name: str, tokens: int, *, style: str) -> Contestant:
    tokenizer = VqTokenizer(tokens=tokens, codes=VQ_CODES, channels=VQ_CHANNELS, width=384, style=style)
    return Contestant(name, tokenizer, tokenizer)


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
    parser.add_argument("--only", action="append", default=[], help="One name; repeat for several.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if asked.threads:
        torch.set_num_threads(asked.threads)
    motion = load_motion(DataDirectory.find(asked.data))
    compare(load(asked.config), motion, budget=Budget(asked.steps, asked.seed), out=asked.out, only=asked.only)


if __name__ == "__main__":
    main()
