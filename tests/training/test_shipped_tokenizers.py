"""The shipped tokenizers keep what their cards promise, on the held-out subjects and bodies of unseen proportions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.model import checkpoint
from training.cmu import BoneMotion, load_motion
from training.data_directory import DataDirectory
from training.disturbed import disturbed
from training.evaluate_tokenizer import evaluate_tokenizer, shipped_tokenizer
from training.pose_stream import held_out_poses


@pytest.fixture(scope="module")
def motion(shared_dir: Path) -> BoneMotion:
    return load_motion(DataDirectory(shared_dir / "data"))


@pytest.mark.parametrize("name,limit_mm,most_tokens", [("tokenizer100", 4.0, 100), ("live", 8.0, 40)])
def test_reconstruction_is_as_good_as_promised(
    motion: BoneMotion, name: str, limit_mm: float, most_tokens: int
) -> None:
    config, tokenizer = shipped_tokenizer(name)
    report = evaluate_tokenizer(tokenizer, motion)
    assert report.mpjpe_mm <= limit_mm and report.tokens <= most_tokens and report.frames == 6282
    assert report.mirrored_mpjpe_mm == pytest.approx(report.mpjpe_mm, rel=0.05)
    assert config.name == name
    assert checkpoint.read(name).card["held_out"]["mpjpe_mm"] == pytest.approx(report.mpjpe_mm, abs=0.01)


def test_disturbed_tokens_still_decode_to_bodies(motion: BoneMotion) -> None:
    poses = np.ascontiguousarray(held_out_poses(motion)[::20])
    clean, tenth, third = disturbed(shipped_tokenizer("tokenizer100")[1], poses)
    assert clean.plausible_share > 0.97 and tenth.plausible_share > 0.85 and third.plausible_share > 0.6


@pytest.mark.parametrize("name", ["tokenizer100", "live"])
def test_weights_are_small_and_cards_complete(name: str) -> None:
    stored = checkpoint.read(name)
    size = (checkpoint.locate(name) / checkpoint.WEIGHTS).stat().st_size
    assert size <= 10_000_000
    for fact in ("data", "licence", "command", "seed", "steps", "held_out"):
        assert stored.card[fact] != ""
