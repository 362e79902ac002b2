"""Laws of the temporal blend as it is shipped, on scripted looks."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import pose_at

from engine.body.rest_pose import REST_POSE_MM
from engine.runtime.temporal_blend import shipped_blend
from realtime.config import SmoothingConfig
from realtime.memory import Memory
from realtime.smoother import Smoother

WRIST = 13
BODY_MM = REST_POSE_MM.astype(np.float64)


def look(joints_mm, *, hidden=()):
    """Of a person three metres away; where a joint is hidden the estimator is in doubt, and says so."""
    spread_mm, seen = np.full(17, 120.0, np.float32), np.full(17, 0.95, np.float32)
    spread_mm[list(hidden)], seen[list(hidden)] = 600.0, 0.1
    pose = replace(pose_at(1, 300, 300), joints_mm=np.float32(joints_mm), confidence=seen, spread_mm=spread_mm)
    return replace(pose, hidden=seen < 0.5)


def memory():
    return Memory(shipped_blend(), forget_after_s=0.5)


def standing(rng=None, *, noise_mm=0.0):
    joints_mm = BODY_MM.copy()
    if rng is not None:
        joints_mm[1:] += rng.normal(0, noise_mm, (16, 3))
    return joints_mm


def test_a_still_person_trembles_by_less_than_a_third():
    rng = np.random.default_rng(0)
    looks = [look(standing(rng, noise_mm=8.0)) for _ in range(60)]
    shaken = []
    for config in (SmoothingConfig(), SmoothingConfig(enabled=False)):
        smoother = Smoother(config)
        out = np.array([smoother.poses([pose], row / 30)[0].joints_mm for row, pose in enumerate(looks)])
        shaken.append(np.linalg.norm(np.diff(out, n=2, axis=0), axis=-1)[20:, 1:].mean())
    assert shaken[0] < 0.33 * shaken[1]


def test_a_joint_that_jumps_in_sudden_doubt_is_followed_less_than_one_in_sight():
    moved_mm = []
    for hidden in ([], [WRIST]):
        remembered = memory()
        for row in range(30):
            before = remembered(look(standing()), row / 30)
        guessed = standing()
        guessed[WRIST] += [-300, 300, 200]
        after = remembered(look(guessed, hidden=hidden), 1.0)
        moved_mm.append(np.linalg.norm(after[WRIST] - before[WRIST]))
    assert moved_mm[0] > 400 and moved_mm[1] < 0.75 * moved_mm[0]


def test_a_hand_at_a_metre_per_second_lags_by_at_most_35_ms_more_than_a_still_one():
    remembered, still = memory(), memory()
    behind_mm = []
    for row in range(24):
        joints_mm = standing()
        joints_mm[WRIST, 1] -= 1000 * row / 30
        out, rest = remembered(look(joints_mm), row / 30), still(look(standing()), row / 30)
        behind_mm.append((out[WRIST, 1] - joints_mm[WRIST, 1]) - (rest[WRIST, 1] - standing()[WRIST, 1]))
    assert np.mean(behind_mm[8:]) / 1000 * 1000 <= 35


@pytest.mark.parametrize("at_s", [0.9, 1.0 - 1 / 30, 3.0])
def test_time_that_stops_runs_back_or_leaps_starts_anew(at_s):
    remembered, fresh = memory(), memory()
    for row in range(30):
        remembered(look(standing()), row / 30)
    rng = np.random.default_rng(2)
    moved = look(standing(rng, noise_mm=80.0))
    np.testing.assert_array_equal(remembered(moved, at_s), fresh(moved, 0.0))


def test_a_pose_without_doubt_is_refused():
    with pytest.raises(ValueError, match="spread_mm"):
        memory()(pose_at(1, 300, 300), 0.0)


def test_the_smoother_remembers_where_doubt_is_stated_and_filters_where_not():
    learned, classic = Smoother(SmoothingConfig()), Smoother(SmoothingConfig(learned=False))
    rng = np.random.default_rng(3)
    for row in range(10):
        pose = look(standing(rng, noise_mm=20.0))
        found = [smoother.poses([pose], row / 30)[0].joints_mm for smoother in (learned, classic)]
        assert np.abs(found[0] - found[1]).max() > 1.0
        plain = replace(pose, person_id=2, spread_mm=None)
        both = [smoother.poses([plain], row / 30)[0] for smoother in (learned, classic)]
        np.testing.assert_array_equal(both[0].joints_mm, both[1].joints_mm)


def test_who_stops_stating_doubt_is_filtered_on():
    smoother = Smoother(SmoothingConfig())
    smoother.poses([look(standing())], 0.0)
    found = smoother.poses([replace(look(standing()), spread_mm=None)], 1 / 30)[0]
    np.testing.assert_allclose(found.joints_mm, standing(), atol=1e-3)
