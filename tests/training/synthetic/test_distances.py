"""Laws: no distance between samples of one distribution, symmetry, growth with the shift, honest error bars."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic.distances import Scale, frechet_distance, kernel_distance


def sample(seed: int, count: int = 200, *, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, (count, 20))


def test_it_is_the_unbiased_estimate_of_its_definition() -> None:
    one, other = sample(0, 37), sample(1, 23, shift=0.5)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([[(float(a @ b) / 20 + 1) ** 3 for b in y] for a in x])

    own = [(kernel(x, x).sum() - np.trace(kernel(x, x))) / (len(x) * (len(x) - 1)) for x in (one, other)]
    expected = own[0] + own[1] - 2 * kernel(one, other).mean()
    assert kernel_distance(one, other).value == pytest.approx(expected, rel=1e-9)


def test_error_bars_hold_what_they_promise() -> None:
    """Over many draws the spread of the estimates is the stated error, within a factor of 1.7, near and far."""
    for shift in (0.0, 0.3):
        drawn = [kernel_distance(sample(2 * n, 120), sample(2 * n + 1, 90, shift=shift)) for n in range(80)]
        spread, stated = np.std([each.value for each in drawn]), np.mean([each.error for each in drawn])
        assert 1 / 1.7 < stated / spread < 1.7
        if shift == 0:
            assert abs(np.mean([each.value for each in drawn])) < 3 * spread / np.sqrt(len(drawn))


def test_symmetric_and_growing() -> None:
    start = sample(0)
    found = []
    for shift in (0.0, 0.2, 0.4, 0.8):
        other = sample(1, 150, shift=shift)
        there, back = kernel_distance(start, other), kernel_distance(other, start)
        assert there.value == pytest.approx(back.value, rel=1e-9)
        assert there.error == pytest.approx(back.error, rel=1e-9)
        assert frechet_distance(start, other) == pytest.approx(frechet_distance(other, start), rel=1e-6)
        found.append(there.value)
    assert found == sorted(found)


def test_frechet_of_normal_distributions() -> None:
    one = np.random.default_rng(0).normal(0, 1, (200_000, 3))
    other = np.random.default_rng(1).normal([1, 0, 0], [1, 2, 1], (200_000, 3))
    assert frechet_distance(one, other) == pytest.approx(1 + 1, abs=0.05)  # shift^2 + (2 - 1)^2
    assert frechet_distance(one[:5], other) is None


def test_runs_of_like_neighbours_widen_the_error() -> None:
    """Frames of a video: a sample repeated is not a larger sample."""
    one, other = sample(0, 40), sample(1, 40, shift=0.2)
    often = kernel_distance(np.repeat(one, 10, axis=0), np.repeat(other, 10, axis=0))
    assert often.error > 0.6 * kernel_distance(one, other).error


def test_scale_is_that_of_the_reference() -> None:
    reference = np.c_[sample(0) * 5 + 3, np.ones(200)]
    scaled = Scale.of(reference)(reference)
    np.testing.assert_allclose(scaled[:, :20].std(axis=0), 1)
    np.testing.assert_allclose(scaled[:, 20], 0)


def test_a_feature_that_sleeps_in_the_reference_does_not_outweigh_the_others() -> None:
    reference = np.c_[sample(0), np.random.default_rng(9).normal(0, 1e-4, 200)]
    scaled = Scale.of(reference)(np.c_[sample(1), np.ones(200)])
    np.testing.assert_array_equal(scaled[:, 20], 5.0)
    np.testing.assert_array_equal(Scale.of(np.ones((5, 2)))(np.full((3, 2), 2.0)), np.ones((3, 2)))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have the same features, got \(200, 20\) and \(200, 19\)"):
        kernel_distance(sample(0), sample(1)[:, :19])
    with pytest.raises(ValueError, match="at least 2 samples a side, got 1 and 200"):
        kernel_distance(sample(0, 1), sample(1))
