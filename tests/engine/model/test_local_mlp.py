"""Joint Shift against an explicit loop, and what a block may and may not see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.model.local_mlp import JointShift, LocalMlpBlock


def shifted_by_loop(x: Tensor, groups: int) -> Tensor:
    _, joints, channels = x.shape
    out = torch.zeros_like(x)
    group_of_channel = [group for group, part in enumerate(torch.arange(channels).tensor_split(groups)) for _ in part]
    for channel in range(channels):
        shift = group_of_channel[channel] - groups // 2
        for joint in range(joints):
            if 0 <= joint - shift < joints:
                out[:, joint, channel] = x[:, joint - shift, channel]
    return out


@pytest.mark.parametrize("groups", [1, 3, 5, 7])
@pytest.mark.parametrize("channels", [9, 14, 35])
def test_joint_shift_is_the_loop(groups: int, channels: int) -> None:
    x = torch.randn(2, 17, channels)
    assert torch.equal(JointShift(groups)(x), shifted_by_loop(x, groups))


@pytest.mark.parametrize("groups", [0, 2, 4])
def test_joint_shift_needs_an_odd_number_of_groups(groups: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        JointShift(groups)


@pytest.mark.parametrize("linears", [2, 3])
@pytest.mark.parametrize("groups", [1, 3, 5])
def test_one_block_reaches_as_far_as_its_shift(groups: int, linears: int) -> None:
    block = LocalMlpBlock(10, groups, linears=linears)
    x = torch.randn(1, 17, 10, requires_grad=True)
    (gradient,) = torch.autograd.grad(block(x)[0, 8].sum(), x)
    seen = gradient[0].abs().sum(dim=1).nonzero()[:, 0].tolist()
    assert seen == list(range(8 - groups // 2, 8 + groups // 2 + 1))


def test_the_inside_has_the_stated_linear_layers() -> None:
    def linears(block: LocalMlpBlock) -> int:
        return sum(isinstance(layer, torch.nn.Linear) for layer in block.shift)

    assert linears(LocalMlpBlock(6, 3, linears=2)) == 2
    assert linears(LocalMlpBlock(6, 3, linears=3)) == 3
