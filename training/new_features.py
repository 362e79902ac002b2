"""A live model made ready to learn on with the crops of another landmark network, whose features mean other things.

    python -m training.new_features CHECKPOINT --encoded DIR [--encoded DIR ...] --out FOLDER

Landmarks mean the same in every landmark network, and so do the weights that read them. What reads image features
begins anew: their means and spreads are measured on these crops, and they have no say until `train live --init` has
given them one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.live_condition import POINT_NUMBERS, POINTS, VIEW_NUMBERS, LiveCondition, Standard
from training.live_batches import NOISY, measured_rows
from training.live_data import EncodedSet, LiveBatch
from training.train_live import LIVE_CONDITION, load_live


@torch.no_grad()
def with_new_features(name_or_path: str | Path, encoded: EncodedSet) -> Checkpoint:
    """The checkpoint with the condition changed as above. CheckpointError where it is none of a live model."""
    _, task = load_live(name_or_path)
    condition = task.part(LIVE_CONDITION)
    assert isinstance(condition, LiveCondition)
    crops = LiveBatch.of(measured_rows(encoded)).crops
    for name in NOISY:
        standard = condition.standards[name]
        assert isinstance(standard, Standard)
        standard.measure(getattr(crops, name))
    features_from = POINTS * (POINT_NUMBERS + 1) + 1 + (VIEW_NUMBERS if condition.config.view else 0)
    condition.enter.weight[:, features_from:] = 0
    stored = checkpoint.read(name_or_path)
    changed = {f"{LIVE_CONDITION}.{name}": value for name, value in condition.state_dict().items()}
    return Checkpoint(stored.config, stored.tensors | changed, dict(stored.card))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a live model ready for the features of another network.")
    parser.add_argument("checkpoint")
    parser.add_argument("--encoded", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    checkpoint.write(asked.out, with_new_features(asked.checkpoint, EncodedSet.open(*asked.encoded)))


if __name__ == "__main__":
    main()
