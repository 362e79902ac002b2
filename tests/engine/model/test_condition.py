"""The condition encoder: hidden joints are not read, whatever stands in their place."""

from __future__ import annotations

import torch

from engine.model.condition import JointCondition
from engine.model.config import ConditionConfig


def encoder() -> JointCondition:
    torch.manual_seed(0)
    return JointCondition(ConditionConfig(layers=1, heads=2), 8)


def test_hidden_joints_are_not_read() -> None:
    joints = torch.randn(2, 17, 2)
    visible = torch.rand(2, 17) < 0.5
    other = torch.where(visible[..., None], joints, torch.full_like(joints, 99.0))
    encode = encoder()
    assert torch.equal(encode(joints, visible), encode(other, visible))


def test_hiding_and_moving_joints_matters() -> None:
    encode = encoder()
    joints, visible = torch.randn(2, 17, 2), torch.ones(2, 17, dtype=torch.bool)
    base = encode(joints, visible)
    assert base.shape == (2, 17, 8)
    assert not torch.allclose(base, encode(joints + 0.5, visible))
    hidden = visible.clone()
    hidden[:, 3] = False
    assert not torch.allclose(base, encode(joints, hidden))
