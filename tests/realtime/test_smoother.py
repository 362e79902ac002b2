from dataclasses import replace

import numpy as np
import pytest
from scenes import pose_at

from realtime.config import SmoothingConfig
from realtime.smoother import OneEuro, Smoother

CONFIG = SmoothingConfig(learned=False)
"""tests/realtime/test_memory.py has what is learned."""


def test_a_still_value_stays_and_the_first_passes_unchanged():
    smooth = OneEuro(CONFIG)
    for step in range(20):
        np.testing.assert_array_equal(smooth(np.array([5.0, -3.0]), step / 30), [5.0, -3.0])


@pytest.mark.parametrize("rate_hz", [15.0, 30.0, 60.0])
def test_noise_on_a_still_joint_shrinks(rate_hz):
    rng = np.random.default_rng(0)
    smooth = OneEuro(CONFIG)
    noisy = rng.normal(0, 5, 600)
    out = np.array([smooth(np.array([value]), step / rate_hz)[0] for step, value in enumerate(noisy)])
    assert out[100:].std() < 0.7 * noisy[100:].std()


def test_lag_at_a_metre_per_second_and_30_hz_is_at_most_35_ms():
    smooth = OneEuro(CONFIG)
    times = np.arange(90) / 30
    out = np.array([smooth(np.array([1000 * time]), time)[0] for time in times])
    lag_ms = (1000 * times - out)[60:] / 1000 * 1000
    assert 0 < lag_ms.mean() <= 35


def test_lag_in_time_does_not_depend_on_the_frame_rate():
    lags = []
    for rate_hz in (15.0, 30.0, 120.0):
        smooth = OneEuro(CONFIG)
        times = np.arange(int(4 * rate_hz)) / rate_hz
        out = np.array([smooth(np.array([1000 * time]), time)[0] for time in times])
        lags.append(1000 * times[-1] - out[-1])
    assert max(lags) < 1.3 * min(lags)


@pytest.mark.parametrize("gap_s", [0.0, -1.0, 10.0])
def test_time_that_stops_runs_back_or_leaps_starts_anew(gap_s):
    smooth = OneEuro(CONFIG)
    smooth(np.array([0.0]), 1.0)
    smooth(np.array([1.0]), 1.03)
    np.testing.assert_array_equal(smooth(np.array([50.0]), 1.03 + gap_s), [50.0])


def test_poses_keep_their_contract_and_people_do_not_mix():
    smoother = Smoother(CONFIG)
    for step in range(10):
        one, other = smoother.poses([pose_at(1, 100 + step, 200), pose_at(2, 500, 200)], step / 30)
        assert (one.joints_mm[0] == 0).all()
        np.testing.assert_array_equal(other.joints_px, pose_at(2, 500, 200).joints_px)
        assert one.joints_px.dtype == np.float32


def walking(smoother: Smoother, spread_mm: float, step: int) -> float:
    """How far the smoothed left wrist has come of 10 mm a frame."""
    pose = pose_at(1, 100, 200)
    joints_mm = pose.joints_mm.copy()
    joints_mm[13, 0] += 10.0 * step
    spread = np.full(len(joints_mm), 80.0, np.float32)
    spread[13] = spread_mm
    found = smoother.poses([replace(pose, joints_mm=joints_mm, spread_mm=spread)], step / 30)[0]
    return float(found.joints_mm[13, 0] - pose.joints_mm[13, 0])


def test_a_joint_in_sudden_doubt_is_followed_slowly_and_soon_as_before_if_the_doubt_stays():
    sure, doubted = Smoother(CONFIG), Smoother(CONFIG)
    at_first, later = [], []
    for step in range(150):
        lag = walking(sure, 80, step) - walking(doubted, 80 if step < 60 else 240, step)
        if step < 60:
            assert lag == 0.0
        elif step < 66:
            at_first.append(lag)
        elif step >= 140:
            later.append(lag)
    assert at_first[-1] > 25.0
    assert max(later) < 3.0


def test_a_doubt_that_does_not_change_adds_no_lag_however_large_it_is():
    without = Smoother(CONFIG)
    with_doubt = Smoother(CONFIG)
    for step in range(60):
        assert walking(with_doubt, 400, step) == pytest.approx(walking(without, 80, step))


def test_a_joint_that_comes_in_sight_again_is_caught_up_with():
    smoother = Smoother(CONFIG)
    for step in range(60):
        walking(smoother, 240, step)
    back = [10.0 * step - walking(smoother, 80, step) for step in range(60, 66)]
    plain = Smoother(CONFIG)
    usual = [10.0 * step - walking(plain, 80, step) for step in range(66)][60:]
    assert back[-1] < 0.7 * usual[-1]


def test_off_changes_nothing():
    smoother = Smoother(replace(CONFIG, enabled=False))
    poses = [pose_at(1, 100, 200)]
    assert smoother.poses(poses, 0.0)[0] is poses[0]


def test_who_is_gone_for_long_is_forgotten():
    smoother = Smoother(CONFIG)
    smoother.poses([pose_at(1, 100, 200)], 0.0)
    smoother.poses([pose_at(2, 100, 200)], 2.0)
    back = smoother.poses([pose_at(1, 300, 200)], 2.03)[0]
    np.testing.assert_array_equal(back.joints_px, pose_at(1, 300, 200).joints_px)
