from __future__ import annotations

import torch
from tiny_training import tiny_motion

from training.baseline_tokenizers import DigitTokenizer
from training.disturbed import disturbed, resampled
from training.pose_stream import held_out_poses


def test_exactly_the_share_of_tokens_is_drawn_anew() -> None:
    indices = torch.full((50, 40), 10_000)
    changed = resampled(indices, 500, share=0.3, generator=torch.Generator().manual_seed(0)) < 500
    assert (changed.sum(dim=1) == 12).all()
    assert changed.any(dim=0).all()  # no token is spared in all poses


def test_nothing_disturbed_is_nothing_lost_and_more_disturbed_is_worse() -> None:
    poses = held_out_poses(tiny_motion())
    found = disturbed(DigitTokenizer(4375), poses)
    assert found[0].mpjpe_mm < 0.01
    assert found[0].mpjpe_mm < found[1].mpjpe_mm < found[2].mpjpe_mm
    assert found[2].plausible_share <= found[0].plausible_share
