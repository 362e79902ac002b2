"""The live condition: what is not known or not asked for is not read, and the constants travel with the weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.model.config import ConditionConfig, LiveConditionConfig
from engine.model.live_condition import LiveCondition, LiveInput, settled

CHANNELS = 8


def condition(**live: object) -> LiveCondition:
    torch.manual_seed(0)
    small = {"tokens": 2, "width": 8, "blocks": 1}
    config = ConditionConfig("live", heads=2, live=LiveConditionConfig(**(small | live)))  # type: ignore[arg-type]
    return LiveCondition(config, CHANNELS).eval()


def crops(count: int = 3, seed: int = 1) -> LiveInput:
    torch.manual_seed(seed)
    return LiveInput(
        torch.randn(count, 33, 17),
        torch.randn(count, 33, 48),
        torch.randn(count, 4, 288),
        torch.randn(count, 16, 288),
        torch.randn(count, 3),
        points_known=torch.ones(count, 33, dtype=torch.bool),
        features_known=torch.ones(count, dtype=torch.bool),
    )


def test_length_of_the_sequence() -> None:
    assert condition(tokens=5, at_points=False, maps=False)(crops()).shape == (3, 5, CHANNELS)


@pytest.mark.parametrize(
    "switch,field,columns",
    [
        ("world", "points", slice(2, 6)),
        ("visibility", "points", slice(6, 8)),
        ("peaks", "points", slice(8, 17)),
        ("at_points", "at_points", slice(None)),
        ("maps", "trunk_2", slice(None)),
        ("maps", "trunk_4", slice(None)),
        ("view", "view", slice(None)),
    ],
)
def test_a_group_that_is_switched_off_is_not_read(switch: str, field: str, columns: slice) -> None:
    before, after = crops(), getattr(crops(), field).clone()
    after[..., columns] += 1.0
    changed = replace(before, **{field: after})
    off, on = condition(**{switch: False}), condition()
    assert torch.equal(off(before), off(changed))
    assert not torch.allclose(on(before), on(changed))


def test_what_is_not_known_is_not_read() -> None:
    network, one, other = condition(), crops(seed=1), crops(seed=2)
    known = torch.zeros(3, 33, dtype=torch.bool)
    known[:, 11] = True
    one = replace(one, points_known=known, features_known=torch.tensor([False, False, True]))
    mixed = replace(other, points_known=known, features_known=one.features_known, view=one.view)
    points = mixed.points.clone()
    read = [0, 1, *range(6, 17)]
    points[:, 11, read] = one.points[:, 11, read]
    found, expected = network(replace(mixed, points=points)), network(one)
    torch.testing.assert_close(found[:2], expected[:2])
    assert not torch.allclose(found[2], expected[2])


def test_a_hot_peak_stays_and_a_cold_one_says_no_more_than_its_landmark() -> None:
    points = torch.zeros(1, 33, 17)
    points[..., :2] = torch.tensor([0.3, -0.2])
    points[..., 8:11] = torch.tensor([1.0, 1.0, 1.0])
    points[..., 11:14] = torch.tensor([-2.0, 3.0, 0.0])
    points[..., 14:17] = torch.tensor([-2.0, 3.0, 0.01])
    found = settled(points)
    assert torch.equal(found[..., :8], points[..., :8])
    hot, cold, cool = found[0, 0, 8:].reshape(3, 3)
    assert float((hot[:2] - 1.0).abs().max()) < 0.25 and float(hot[2]) == 1.0
    torch.testing.assert_close(cold[:2], points[0, 0, :2])
    assert float((cool[:2] - points[0, 0, :2]).norm()) < 0.2 * float(torch.tensor([2.3, 3.2]).norm())


def test_a_longer_lens_from_farther_away_changes_nothing_once_perspective_is_gone() -> None:
    near, far = crops(), crops()
    near.view[:, 0], far.view[:, 0] = -1.9, torch.tensor([-1.95, -3.0, -6.0])  # a person 7 m away; 8, 22 and 440 m
    network = condition()
    torch.testing.assert_close(network(far), network(near))
    near.view[:, 0] = -1.7
    assert not torch.allclose(network(far), network(near))


def test_measured_constants_bring_numbers_to_spread_one_and_are_part_of_the_state() -> None:
    network, seen = condition(), crops(64)
    network.measure(replace(seen, trunk_2=seen.trunk_2 * 7 + 3))
    standard = network.standards["trunk_2"](seen.trunk_2 * 7 + 3)
    torch.testing.assert_close(standard.mean(dim=(0, 1)), torch.zeros(288), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std(dim=(0, 1), correction=0), torch.ones(288), atol=2e-2, rtol=0)
    fresh = condition()
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(seen), network(seen))
    assert "standards.trunk_2.mean" in network.state_dict()


def test_rows_can_be_cut_and_their_features_hidden() -> None:
    seen = crops(5).without_features(torch.tensor([True, False, False, False, True]))
    assert seen.features_known.tolist() == [False, True, True, True, False]
    assert len(seen.rows(1, 3)) == 2 and bool(seen.rows(1, 3).features_known.all())
