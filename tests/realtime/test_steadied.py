"""Where to look next: still people are looked at in one place, fast ones are followed, turns take the short way."""

import math

import numpy as np
import pytest

from engine.body.crop import Region
from realtime.tracks import steadied

HERE = Region((400.0, 300.0), 200.0, 0.2)


def test_what_stays_stays():
    found = steadied(HERE, HERE)
    assert found.centre_px == pytest.approx(HERE.centre_px)
    assert (found.size_px, found.angle_rad) == pytest.approx((200.0, 0.2))


@pytest.mark.parametrize(
    "seen",
    [
        Region((420.0, 300.0), 200.0, 0.2),
        Region((400.0, 300.0), 260.0, 0.2),
        Region((400.0, 300.0), 200.0, 0.6),
    ],
)
def test_a_large_change_is_followed_at_once(seen):
    found = steadied(HERE, seen)
    assert found.centre_px == pytest.approx(seen.centre_px)
    assert (found.size_px, found.angle_rad) == pytest.approx((seen.size_px, seen.angle_rad))


def test_trembling_is_damped_eight_times():
    rng = np.random.default_rng(0)
    region, places = HERE, []
    for _ in range(300):
        x, y = rng.normal(HERE.centre_px, 0.4)
        region = steadied(region, Region((x, y), HERE.size_px, HERE.angle_rad))
        places.append(region.centre_px)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1).mean()
    assert steps < np.linalg.norm(rng.normal(0, 0.4 * math.sqrt(2), (300, 2)), axis=1).mean() / 8


def test_who_walks_past_stays_near_the_middle():
    """1.4 % of the region per frame, a metre per second: the region lags by a tenth of its margin."""
    region, lag = HERE, 0.0
    for frame in range(200):
        seen = Region((400.0 + 2.8 * frame, 300.0), 200.0, 0.2)
        region = steadied(region, seen)
        lag = seen.centre_px[0] - region.centre_px[0]
    assert 0 <= lag / 200 < 0.025


def test_a_turn_takes_the_short_way():
    before, seen = Region((0.0, 0.0), 100.0, math.pi - 0.02), Region((0.0, 0.0), 100.0, -math.pi + 0.02)
    found = steadied(before, seen)
    assert math.pi - 0.02 <= found.angle_rad <= math.pi + 0.02
