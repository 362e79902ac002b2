"""The shipped live model: graph and checkpoint are one, its card keeps its promises, all weights together are small."""

from __future__ import annotations

import numpy as np
import onnxruntime
import torch

from engine.model import checkpoint
from engine.model.live_onnx import INPUTS, OUTPUTS
from engine.model.live_pose import gumbel_noise, load_live_pose
from engine.runtime.di2pose_estimator import shipped_graph

MOST_BYTES = 40e6
"""All weights that come with the project."""


def test_the_graph_is_that_of_the_checkpoint() -> None:
    pose = load_live_pose("di2pose")
    torch.manual_seed(0)
    numbers = [
        torch.rand(3, 33, 17), torch.randn(3, 33, 48).relu(), torch.randn(3, 4, 288).relu(),
        torch.randn(3, 16, 288).relu(), torch.randn(3, 3), gumbel_noise(pose.noise_shape, 0),
    ]  # fmt: skip
    with torch.no_grad():
        expected = dict(zip(OUTPUTS, pose(*numbers), strict=True))
    session = onnxruntime.InferenceSession(shipped_graph(), providers=["CPUExecutionProvider"])
    given = {name: value.numpy() for name, value in zip(INPUTS, numbers, strict=True)}
    found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), given), strict=True))
    for name, limit in (("joints_mm", 0.1), ("seen", 1e-3)):
        np.testing.assert_allclose(found[name], expected[name].numpy(), atol=limit)
    # A draw on the border between two levels may fall to either side: most hypotheses are the same to a tenth of a mm.
    off_mm = np.abs(found["hypotheses_mm"] - expected["hypotheses_mm"].numpy()).max(axis=(-2, -1))
    assert np.mean(off_mm < 0.1) > 0.9
    np.testing.assert_allclose(found["spread_mm"], expected["spread_mm"].numpy(), rtol=0.05)


def test_the_graph_tells_nothing_of_the_machine_that_exported_it() -> None:
    content = shipped_graph().read_bytes()
    assert b".py" not in content and b"stack_trace" not in content


def test_its_card_says_what_was_asked_for() -> None:
    card = checkpoint.read("di2pose").card
    ours, theirs = card["held_out"], card["held_out_blazepose"]
    assert all(ours[name] < theirs[name] for name in ("mpjpe_mm", "pa_mpjpe_mm", "limbs_visible_mm", "limbs_hidden_mm"))
    spread = card["spread_across_people"]
    for name in ("held", "held_visible", "held_hidden"):
        assert 0.88 <= spread[name] <= 0.92, name
    assert all(0.85 <= held <= 0.95 for held in spread["held_by_decile"])
    assert spread["rank_correlation"] >= 0.5
    assert card["hidden"]["recall"] > card["hidden_blazepose"]["recall"] + 0.3
    assert card["seed"] == 1 and card["command"].startswith("python -m training.mean_weights")


def test_all_weights_together_are_small() -> None:
    folder = shipped_graph().parents[1]
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
