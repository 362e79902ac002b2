"""Where the millimetres are: the live model trained on more and more of what is known of a crop.

    python -m training.ladder --encoded DIR --held-out DIR --data DIR --out FOLDER [--steps N] [--only RUNG]

Every rung gets the same network, steps and batches. A finished rung is kept in FOLDER/RUNG and skipped when the command
runs again; `--table` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.model.config import ModelConfig, load
from training.cmu import load_motion
from training.data_directory import DataDirectory
from training.evaluate_live import LiveErrors, table
from training.live_batches import AsBatch
from training.live_data import EncodedSet, LiveBatch
from training.run import RunOptions, use_threads
from training.simulated_landmarks import true_2d
from training.train_live import LiveData, train_live

log = logging.getLogger(__name__)

RESULT_NAME = "errors.json"
_NOTHING: dict[str, bool] = {"world": False, "visibility": False, "at_points": False, "maps": False}


@dataclass(frozen=True, slots=True)
class Rung:
    text: str
    reads: dict[str, bool]
    """Settings of `LiveConditionConfig` that differ from the configuration's."""
    as_batch: AsBatch = LiveBatch.of


RUNGS: dict[str, Rung] = {
    "true-2d": Rung("3D from the true 2D joints", _NOTHING, true_2d),
    "blazepose-2d": Rung("from BlazePose's 2D landmarks", _NOTHING),
    "visibility": Rung("+ visibility", _NOTHING | {"visibility": True}),
    "world": Rung("+ depth and world coordinates", {"at_points": False, "maps": False}),
    "at-points": Rung("+ image features at the landmarks", {"maps": False}),
    "maps": Rung("+ the last two feature maps (all)", {}),
}


def configured(config: ModelConfig, rung: Rung) -> ModelConfig:
    """Nothing simulated where the true 2D joints are read: those rows have BlazePose's errors."""
    live = replace(config.condition.live, **rung.reads)
    training = config.denoiser_training
    if rung.as_batch is true_2d:
        training = replace(training, simulated_share=0.0)
    return replace(config, condition=replace(config.condition, live=live), denoiser_training=training)


def climb(
    config: ModelConfig, data: LiveData, out: Path, *, rungs: list[str], tokenizer: str, options: RunOptions
) -> None:
    """Train the rungs that have no result yet."""
    for name in rungs:
        result = out / name / RESULT_NAME
        if result.is_file():
            continue
        rung = RUNGS[name]
        trained = train_live(
            configured(config, rung),
            replace(data, as_batch=rung.as_batch),
            tokenizer=tokenizer,
            options=replace(options, out=out / name),
        )
        found = {"errors": trained.errors.as_dict(), "blazepose": trained.blazepose.as_dict(), "steps": trained.steps}
        result.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        log.info("%s: limbs %.1f mm", rung.text, trained.errors.limbs_mpjpe_mm)


def results(out: Path) -> dict[str, LiveErrors]:
    """What is finished, in the order of the ladder, BlazePose's own answer first."""
    named: dict[str, LiveErrors] = {}
    for name, rung in RUNGS.items():
        path = out / name / RESULT_NAME
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            named.setdefault("BlazePose's world landmarks", _errors(found["blazepose"]))
            named[rung.text] = _errors(found["errors"])
    return named


def _errors(fields: dict[str, float]) -> LiveErrors:
    make: Callable[..., LiveErrors] = LiveErrors
    return make(**fields)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the live model on more and more of what is known of a crop.")
    parser.add_argument("--encoded", type=Path, action="append", required=True, help="Repeat for several folders.")
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", default="live")
    parser.add_argument("--tokenizer", default="live")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", action="append", choices=tuple(RUNGS), help="One rung; repeat for several.")
    parser.add_argument("--table", action="store_true", help="Print what is there and end.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not asked.table:
        use_threads(asked.threads)
        motion = load_motion(DataDirectory.find(asked.data))
        data = LiveData(EncodedSet.open(*asked.encoded), EncodedSet.open(asked.held_out), motion)
        options = RunOptions(asked.out, seed=asked.seed, steps=asked.steps, accelerator="cpu", tensorboard=False)
        rungs = asked.only or list(RUNGS)
        climb(load(asked.config), data, asked.out, rungs=rungs, tokenizer=asked.tokenizer, options=options)
    log.info("%s", table(results(asked.out)))


if __name__ == "__main__":
    main()
