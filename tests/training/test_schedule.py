from __future__ import annotations

import pytest

from training.schedule import Schedule, ScheduleError


def test_rises_to_the_peak_then_falls_to_the_floor() -> None:
    schedule = Schedule(2e-3, 100, 10, floor=0.1)
    rates = [schedule.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(2e-4) and rates[9] == pytest.approx(2e-3) and max(rates) == rates[9]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx((2e-3 + 2e-4) / 2) and rates[100] == pytest.approx(2e-4)


def test_a_floor_of_one_is_a_constant_rate() -> None:
    schedule = Schedule(1e-3, 50, 0, floor=1.0)
    assert {schedule.rate(step) for step in range(50)} == {1e-3}


@pytest.mark.parametrize("settings", [(0.0, 10, 0, 0.1), (1e-3, 10, 10, 0.1), (1e-3, 10, 0, 1.5)])
def test_impossible_schedules_are_refused(settings: tuple[float, int, int, float]) -> None:
    with pytest.raises(ScheduleError, match=r"\d"):
        Schedule(settings[0], settings[1], settings[2], floor=settings[3])
