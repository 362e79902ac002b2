"""The live model as a function: its estimate is the softly decoded pass, its draws follow the distribution it gives."""

from __future__ import annotations

import pytest
import torch
from tiny_live import tiny_live
from torch import Tensor

from engine.body.skeleton import H36M17
from engine.model.di2pose import build_live_di2pose
from engine.model.fsq import FiniteScalarQuantiser
from engine.model.live_condition import LiveInput
from engine.model.live_pose import LivePose, drawn_levels, gumbel_noise
from engine.model.seen import SeenHead
from engine.model.spread import SpreadHead


def live_pose(*, passes: int = 1, hypotheses: int = 5) -> LivePose:
    torch.manual_seed(0)
    config = tiny_live()
    heads = SpreadHead(), SeenHead()
    return LivePose(build_live_di2pose(config), *heads, passes=passes, hypotheses=hypotheses).eval()


def numbers(count: int = 3) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    shapes = ((33, 17), (33, 48), (4, 288), (16, 288), (3,))
    return tuple(torch.randn(count, *shape) for shape in shapes)


@torch.no_grad()
def test_the_estimate_is_the_softly_decoded_pass_with_the_hips_of_the_stream() -> None:
    pose, read = live_pose(), numbers()
    joints, *_ = pose(*read, gumbel_noise(pose.noise_shape, 0))
    known = torch.ones(3, 33, dtype=torch.bool)
    human36m = pose.model.point(pose.model.live_condition(LiveInput(*read, known, known[:, 0])))
    pelvis, thorax, knee = H36M17.rows("pelvis", "thorax", "left_knee")
    drop = 0.09 * (human36m[:, pelvis] - human36m[:, thorax])
    torch.testing.assert_close(joints[:, knee], human36m[:, knee] - drop, atol=1e-3, rtol=1e-4)
    assert (joints[:, pelvis] == 0).all()


@torch.no_grad()
@pytest.mark.parametrize("passes", [1, 3])
def test_each_crop_gives_alone_what_it_gives_among_others(passes: int) -> None:
    pose, read = live_pose(passes=passes), numbers()
    noise = gumbel_noise(pose.noise_shape, 0)
    together = pose(*read, noise)
    for row in range(3):
        alone = pose(*(part[row : row + 1] for part in read), noise)
        for one, all_rows in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], all_rows[row], atol=1e-2, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("passes", [1, 2, 4])
def test_equal_noise_gives_equal_hypotheses_and_other_noise_others(passes: int) -> None:
    pose, read = live_pose(passes=passes), numbers()
    first, again, other = (pose(*read, gumbel_noise(pose.noise_shape, seed))[-1] for seed in (0, 0, 1))
    assert first.shape == (3, 5, 17, 3) and torch.isfinite(first).all()
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert (first[:, 0] - first[:, 1]).abs().max() > 1


@torch.no_grad()
def test_later_passes_keep_what_the_first_decided() -> None:
    """Hypotheses of two passes share the tokens of the first; with noise of the second pass changed they stay near."""
    pose, read = live_pose(passes=2), numbers()
    noise = gumbel_noise(pose.noise_shape, 0)
    changed = noise.clone()
    changed[:, 1] = gumbel_noise(tuple(noise[:, 1].shape), 9)
    moved = (pose(*read, noise)[-1] - pose(*read, changed)[-1]).norm(dim=-1).mean()
    redrawn = (pose(*read, noise)[-1] - pose(*read, gumbel_noise(pose.noise_shape, 9))[-1]).norm(dim=-1).mean()
    assert 0 < moved < redrawn


def test_draws_have_the_frequencies_of_the_distribution() -> None:
    quantiser = FiniteScalarQuantiser((5, 3))
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 8)
    log_levels = torch.cat([part.log_softmax(dim=-1) for part in logits.split((5, 3), dim=-1)], dim=-1)
    many = log_levels.expand(20_000, -1, -1)
    drawn = drawn_levels(many, gumbel_noise(tuple(many.shape), 0), quantiser)
    for level, (start, size) in enumerate(((0, 5), (5, 3))):
        found = torch.nn.functional.one_hot(drawn.level_indices[..., level], size).double().mean(dim=0)
        expected = log_levels[0, :, start : start + size].exp().double()
        torch.testing.assert_close(found, expected, atol=0.015, rtol=0)
    chosen = drawn.level_indices + torch.tensor([0, 5])
    torch.testing.assert_close(drawn.log_p, many.gather(-1, chosen).sum(dim=-1))


@torch.no_grad()
def test_the_radius_is_none_for_the_pelvis_and_grows_with_scatter() -> None:
    head = SpreadHead()
    head.offset.fill_(0.5)
    head.doubt.fill_(0.2)
    sure = torch.ones(1, 17)
    small, large = head(torch.full((1, 17), 10.0), sure), head(torch.full((1, 17), 20.0), sure)
    assert (small[:, 0] == 0).all() and (large[:, 1:] > small[:, 1:]).all()
    assert (head(torch.full((1, 17), 10.0), 0 * sure)[:, 1:] > small[:, 1:]).all()
    assert torch.isfinite(head(torch.zeros(1, 17), sure)).all()
