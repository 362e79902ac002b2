import numpy as np
import pytest

from realtime.rolling import Rolling

SECOND_NS = 1_000_000_000


def test_what_is_older_than_the_window_is_forgotten():
    rolling = Rolling(window_s=2.0)
    for second in range(5):
        rolling.add(second * SECOND_NS, float(second))
    np.testing.assert_array_equal(rolling.values(4 * SECOND_NS), [2.0, 3.0, 4.0])
    assert not len(rolling.values(60 * SECOND_NS))


def test_memory_is_bounded_within_the_window_too():
    rolling = Rolling(window_s=1e6, most_values=100)
    for at_ns in range(10_000):
        rolling.add(at_ns, 0.0)
    assert len(rolling.values(10_000)) == 100


@pytest.mark.parametrize("most_values", [20, 4096])
def test_the_rate_is_that_of_the_values_whether_or_not_the_window_is_full(most_values: int):
    rolling = Rolling(window_s=5.0, most_values=most_values)
    now_ns = 0
    for _ in range(400):
        now_ns += SECOND_NS // 25
        rolling.add(now_ns, 0.0)
    assert rolling.rate_hz(now_ns) == pytest.approx(25.0)


def test_the_rate_sinks_while_nothing_comes():
    rolling = Rolling(window_s=10.0)
    for second in range(5):
        rolling.add(second * SECOND_NS, 0.0)
    rates = [rolling.rate_hz((4 + silence) * SECOND_NS) for silence in (0, 1, 3, 30)]
    assert rates[0] == pytest.approx(1.0) and rates == sorted(rates, reverse=True) and rates[-1] == 0.0


def test_a_total_that_rises_has_a_rate():
    rolling = Rolling()
    for second in range(4):
        rolling.add(second * SECOND_NS, second * 7)
    assert rolling.growth_hz(3 * SECOND_NS) == pytest.approx(7.0)


def test_percentiles_are_those_of_the_window_and_null_without_values():
    rolling = Rolling(window_s=1.0)
    assert rolling.percentiles(0).p50 is None
    for value in range(101):
        rolling.add(value, float(value))
    found = rolling.percentiles(100)
    assert (found.count, found.p50, found.p95, found.p99) == (101, 50.0, 95.0, 99.0)


@pytest.mark.parametrize(("window_s", "most_values"), [(0.0, 5), (1.0, 0)])
def test_a_window_without_room_is_refused(window_s: float, most_values: int):
    with pytest.raises(ValueError, match="positive"):
        Rolling(window_s, most_values)
