"""Table 2 of the paper on synthetic people: the live model with each transition, a classifier and a regression.

    python -m training.compare_live --encoded DIR --test NAME=DIR ... --data DIR --out FOLDER --steps N

Every method gets the same crops, condition, network body, batches and number of steps, and answers in one pass. Tests
are encoded sets of split `test`; of a patch test (`data encode` of `syn-advocc*`) each crop counts with the position
that is worst for the method, over the joints that the patch leaves uncovered (3DPW-AdvOcc's protocol). A line is
appended to FOLDER/results.jsonl after each run and finished runs are skipped; `--table` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.model.config import ModelConfig, load
from training.cmu import load_motion
from training.data_directory import DataDirectory
from training.evaluate_live import blazepose_mm, poses_mm, stream_mm
from training.journal import read_journal
from training.live_data import EncodedSet, LiveBatch, named_sets
from training.live_rows import LiveRows
from training.live_task import LiveTask
from training.metrics import joint_errors_mm, measure
from training.run import RunOptions, use_threads
from training.synthetic.patched_source import UNCOVERED
from training.train_live import LiveData, train_live

log = logging.getLogger(__name__)

RESULTS = "results.jsonl"
MASSES = {"di2pose both": (0.9, 0.1), "di2pose occlude": (1.0, 0.0), "di2pose replace": (0.0, 1.0)}
"""Final masses of Occ and of replacement."""
METHODS = ("regression", "classifier", *MASSES)
BLAZEPOSE = "blazepose"
_AT_ONCE = 4096


def configured(config: ModelConfig, method: str, batch: int) -> ModelConfig:
    occ, replaced = MASSES.get(method, MASSES["di2pose both"])
    optimiser = replace(config.denoiser_training.optimiser, batch=batch)
    return replace(
        config,
        diffusion=replace(config.diffusion, final_occ=occ, final_replace=replaced),
        denoiser_training=replace(config.denoiser_training, optimiser=optimiser),
    )


def tested(task: LiveTask | None, crops: EncodedSet) -> dict[str, float]:
    """Millimetres; None stands for BlazePose's own world landmarks."""
    estimates, truths = [], []
    for start in range(0, len(crops), _AT_ONCE):
        rows = crops.take(np.arange(start, min(start + _AT_ONCE, len(crops))))
        estimates.append(_answer(task, rows))
        truths.append(stream_mm(rows.joints_mm))
    estimate, truth = np.concatenate(estimates), np.concatenate(truths)
    if UNCOVERED in crops.about[0]:
        return {"mpjpe_mm": round(worst_mm(estimate, truth, crops.about), 2)}
    found = measure(estimate, truth)
    return {"mpjpe_mm": round(found.mpjpe_mm, 2), "pa_mpjpe_mm": round(found.pa_mpjpe_mm, 2)}


def worst_mm(estimate: NDArray[np.float32], truth: NDArray[np.float32], about: list[dict[str, Any]]) -> float:
    """Mean over crops of the error at the worst position of the patch, over uncovered joints."""
    uncovered = np.array([[flag == "1" for flag in entry[UNCOVERED]] for entry in about])
    number = np.array([entry["crop"] for entry in about])
    counted = uncovered.sum(axis=1)
    each = (joint_errors_mm(estimate, truth) * uncovered).sum(axis=1) / np.maximum(counted, 1)
    worst = np.zeros(number.max() + 1)
    np.maximum.at(worst, number, each)
    return float(worst[np.unique(number)].mean())


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and spread over the seeds, in Markdown: MPJPE, and PA-MPJPE where it was measured."""
    names = list(rows[0]["tests"]) if rows else []
    lines = [f"| | seeds | {' | '.join(names)} | CPU s |", "|---" * (len(names) + 3) + "|"]
    for method in (BLAZEPOSE, *METHODS):
        mine = [row for row in rows if row["method"] == method]
        if mine:
            cells = [" / ".join(_mean(mine, name, key) for key in mine[0]["tests"][name]) for name in names]
            cpu_s = np.mean([row["cpu_s"] for row in mine])
            lines.append(f"| {method} | {len(mine)} | {' | '.join(cells)} | {cpu_s:.0f} |")
    return "\n".join(lines)


def _answer(task: LiveTask | None, rows: LiveRows) -> NDArray[np.float32]:
    return blazepose_mm(rows) if task is None else poses_mm(task, LiveBatch.of(rows))


def _mean(rows: list[dict[str, Any]], name: str, key: str) -> str:
    values = np.array([row["tests"][name][key] for row in rows])
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def _append(out: Path, row: Mapping[str, Any]) -> None:
    with (out / RESULTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    log.info("%s", row)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ways from crops to a 3D pose on synthetic people.")
    parser.add_argument("--encoded", type=Path, action="append", default=[], help="Repeat for several folders.")
    parser.add_argument("--test", action="append", default=[], metavar="NAME=DIR", help="Repeat for several.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", default="live")
    parser.add_argument("--tokenizer", default="live")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", action="append", choices=METHODS, help="One method; repeat for several.")
    parser.add_argument("--table", action="store_true", help="Print what is there and end.")
    asked = parser.parse_args()
    if not asked.table and not (asked.encoded and asked.test):
        parser.error("give --encoded and --test, or --table for what is there")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    done = read_journal(asked.out / RESULTS)
    if asked.table:
        log.info("%s", table(done))
        return
    use_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    tests = named_sets(asked.test)
    train = EncodedSet.open(*asked.encoded)
    data = LiveData(train, next(iter(tests.values())), load_motion(DataDirectory.find(asked.data)))
    finished = {(row["method"], row["seed"]) for row in done}
    if (BLAZEPOSE, 0) not in finished:
        results = {name: tested(None, crops) for name, crops in tests.items()}
        _append(asked.out, {"method": BLAZEPOSE, "seed": 0, "cpu_s": 0, "tests": results})
    for seed in range(asked.seeds):
        for method in asked.only or METHODS:
            if (method, seed) in finished:
                continue
            config = configured(load(asked.config), method, asked.batch)
            options = RunOptions(
                asked.out / f"{method.replace(' ', '-')}-{seed}", seed=seed, steps=asked.steps, accelerator="cpu",
                evaluate_every=asked.steps, checkpoint_every=asked.steps, tensorboard=False,
            )  # fmt: skip
            kind, began_s = method.partition(" ")[0], time.process_time()
            trained = train_live(config, data, tokenizer=asked.tokenizer, options=options, method=kind)
            cpu_s = round(time.process_time() - began_s)
            results = {name: tested(trained.task, crops) for name, crops in tests.items()}
            row = {"method": method, "seed": seed, "steps": asked.steps, "batch": asked.batch, "cpu_s": cpu_s}
            _append(asked.out, row | {"tests": results})


if __name__ == "__main__":
    main()
