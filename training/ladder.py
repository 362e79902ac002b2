"""Where the millimetres are: the live model trained on more and more of what is known of a crop.

    python -m training.ladder --encoded DIR --test NAME=DIR ... --data DIR --out FOLDER [--method M] [--steps N]
    [--only RUNG]

Every rung gets the same network, steps and batches. A finished rung is kept in FOLDER/RUNG and skipped when the command
runs again; `--table` prints what is there, a table per test.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.model.config import ModelConfig, load
from training.cmu import load_motion
from training.data_directory import DataDirectory
from training.evaluate_live import LiveErrors, blazepose_mm, errors_of, poses_mm, table
from training.live_batches import AsBatch
from training.live_data import EncodedSet, LiveBatch, named_sets
from training.live_task import METHODS
from training.run import RunOptions, use_threads
from training.simulated_landmarks import true_2d
from training.train_live import LiveData, train_live

log = logging.getLogger(__name__)

RESULT_NAME = "errors.json"
_NOTHING = dict.fromkeys(("world", "visibility", "peaks", "at_points", "maps"), False)


@dataclass(frozen=True, slots=True)
class Rung:
    text: str
    reads: dict[str, bool]
    """Settings of `LiveConditionConfig` that differ from the configuration's."""
    as_batch: AsBatch = LiveBatch.of
    simulated_share: float | None = None
    """Instead of the configuration's."""
    unoccluded: bool = False
    """Learn only from crops with nothing in front."""


RUNGS: dict[str, Rung] = {
    "true-2d": Rung("3D from the true 2D joints", _NOTHING, true_2d, simulated_share=0.0),
    "simulated": Rung(
        "from BlazePose's 2D landmarks, visibility and peaks, no rendered crop",
        _NOTHING | {"visibility": True, "peaks": True},
        simulated_share=1.0,
    ),
    "blazepose-2d": Rung("from BlazePose's 2D landmarks, rendered crops", _NOTHING),
    "visibility": Rung("+ visibility", _NOTHING | {"visibility": True}),
    "peaks": Rung("+ peaks of the heatmaps", _NOTHING | {"visibility": True, "peaks": True}),
    "world": Rung("+ depth and world coordinates", {"at_points": False, "maps": False}),
    "at-points": Rung("+ image features at the landmarks", {"maps": False}),
    "unoccluded": Rung("+ the last two feature maps, trained without occlusion", {}, unoccluded=True),
    "maps": Rung("the same, trained with occlusion (all)", {}),
}


def configured(config: ModelConfig, rung: Rung) -> ModelConfig:
    live = replace(config.condition.live, **rung.reads)
    training = config.denoiser_training
    if rung.simulated_share is not None:
        training = replace(training, simulated_share=rung.simulated_share)
    return replace(config, condition=replace(config.condition, live=live), denoiser_training=training)


def unoccluded(crops: EncodedSet) -> EncodedSet:
    """The crops with nothing and nobody in front."""
    free = [row for row, entry in enumerate(crops.about) if not entry["occluders"] and not entry["others"]]
    return EncodedSet([crops.take(free)], crops.recipes, [crops.about[row] for row in free])


def climb(
    config: ModelConfig,
    data: LiveData,
    tests: Mapping[str, EncodedSet],
    out: Path,
    *,
    rungs: list[str],
    tokenizer: str,
    options: RunOptions,
    method: str = "di2pose",
) -> None:
    """Train the rungs that have no result yet and measure each on every test."""
    for name in rungs:
        result = out / name / RESULT_NAME
        if result.is_file():
            continue
        rung = RUNGS[name]
        train = unoccluded(data.train) if rung.unoccluded else data.train
        trained = train_live(
            configured(config, rung),
            replace(data, train=train, as_batch=rung.as_batch),
            tokenizer=tokenizer,
            options=replace(options, out=out / name),
            method=method,
        )
        found = {}
        for test, crops in tests.items():
            rows = crops.all()
            errors = errors_of(poses_mm(trained.task, rung.as_batch(rows)), rows)
            found[test] = {"errors": errors.as_dict(), "blazepose": errors_of(blazepose_mm(rows), rows).as_dict()}
            log.info("%s, %s: limbs %.1f mm", rung.text, test, errors.limbs_mpjpe_mm)
        result.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def results(out: Path) -> dict[str, dict[str, LiveErrors]]:
    """What is finished, by test, in the order of the ladder, BlazePose's own answer first."""
    named: dict[str, dict[str, LiveErrors]] = {}
    for name, rung in RUNGS.items():
        path = out / name / RESULT_NAME
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for test, both in found.items():
            lines = named.setdefault(test, {"BlazePose's world landmarks": _errors(both["blazepose"])})
            lines[rung.text] = _errors(both["errors"])
    return named


def _errors(fields: dict[str, float]) -> LiveErrors:
    make: Callable[..., LiveErrors] = LiveErrors
    return make(**fields)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the live model on more and more of what is known of a crop.")
    parser.add_argument("--encoded", type=Path, action="append", default=[], help="Repeat for several folders.")
    parser.add_argument("--test", action="append", default=[], metavar="NAME=DIR", help="Repeat for several.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", default="live")
    parser.add_argument("--tokenizer", default="live")
    parser.add_argument("--method", choices=METHODS, default="di2pose")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", action="append", choices=tuple(RUNGS), help="One rung; repeat for several.")
    parser.add_argument("--table", action="store_true", help="Print what is there and end.")
    asked = parser.parse_args()
    if not asked.table and not (asked.encoded and asked.test):
        parser.error("give --encoded and --test, or --table for what is there")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not asked.table:
        use_threads(asked.threads)
        motion = load_motion(DataDirectory.find(asked.data))
        tests = named_sets(asked.test)
        data = LiveData(EncodedSet.open(*asked.encoded), next(iter(tests.values())), motion)
        options = RunOptions(
            asked.out, seed=asked.seed, steps=asked.steps, accelerator="cpu", evaluate_every=asked.steps,
            tensorboard=False,
        )  # fmt: skip
        config, rungs = load(asked.config), asked.only or list(RUNGS)
        climb(
            config, data, tests, asked.out, rungs=rungs, tokenizer=asked.tokenizer, options=options, method=asked.method
        )
    for test, named in results(asked.out).items():
        log.info("%s\n\n%s\n", test, table(named))


if __name__ == "__main__":
    main()
