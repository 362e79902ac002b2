"""The mean of the weights of runs of one model that came from one another, often better than each of them.

    python -m training.mean_weights CHECKPOINT CHECKPOINT ... --held-out DIR --out FOLDER

Checkpoints are directories or shipped names, of the same configuration; the last one's card goes on with the errors of
the mean on the held-out crops. What to expect: "Model soups" (Wortsman et al., 2022). RunError where they do not fit.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from training.evaluate_live import LiveErrors, errors_of, poses_mm
from training.live_data import EncodedSet, LiveBatch
from training.run import RunError
from training.train_live import load_live

log = logging.getLogger(__name__)
TRAINED = ("denoiser.", "live_condition.")


def mean_of_weights(stored: Sequence[Checkpoint]) -> Checkpoint:
    """Of what `train live` trains; all else, and the card, is the last one's."""
    if len(stored) < 2:
        raise RunError("a mean is of two checkpoints at least")
    last = stored[-1]
    for each in stored[:-1]:
        if _shapes(each) != _shapes(last):
            raise RunError("the checkpoints are of different models; give runs of `train live` of one configuration")
        if any(
            not torch.equal(each.tensors[name].float(), last.tensors[name].float())
            for name in _named(last, "tokenizer.")
        ):
            raise RunError("the checkpoints have different tokenizers, and so different codes; give runs with one")
    means = {name: _mean([each.tensors[name] for each in stored]) for name in _named(last, *TRAINED)}
    return Checkpoint(last.config, last.tensors | means, dict(last.card))


def _shapes(stored: Checkpoint) -> dict[str, torch.Size]:
    return {name: stored.tensors[name].shape for name in _named(stored, "tokenizer.", *TRAINED)}


def _named(stored: Checkpoint, *starts: str) -> list[str]:
    return [name for name in stored.tensors if name.startswith(starts)]


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack([value.double() for value in values]).mean(dim=0).to(values[-1].dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mean of the weights of several runs of the live model.")
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mean = mean_of_weights([checkpoint.read(name) for name in asked.checkpoints])
    errors = measured(mean, EncodedSet.open(asked.held_out))
    command = shlex.join(["python", "-m", "training.mean_weights", *("CHECKPOINT" for _ in asked.checkpoints)])
    facts = {"held_out": errors.as_dict(), "command": f"{command} --held-out HELD_OUT --out OUT"}
    checkpoint.write(asked.out, Checkpoint(mean.config, mean.tensors, {**mean.card, **facts}))
    log.info("%s: %.1f mm, PA %.1f mm", asked.out, errors.mpjpe_mm, errors.pa_mpjpe_mm)


def measured(mean: Checkpoint, held_out: EncodedSet) -> LiveErrors:
    """Of one pass on all crops of the set."""
    rows = held_out.all()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "mean"
        checkpoint.write(directory, mean)
        _, task = load_live(directory)
    return errors_of(poses_mm(task, LiveBatch.of(rows)), rows)


if __name__ == "__main__":
    main()
