"""Fitting the spread: it holds nine errors of ten, where they are small and where they are large, for other people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.data_error import DataError
from training.fit_spread import SpreadRows, fit_spread, radii_across_people, report_of


def rows(count: int = 4000, *, seed: int = 0) -> SpreadRows:
    """Errors that follow 3 scatter^0.8, a third more where hidden, with a spread of their own."""
    rng = np.random.default_rng(seed)
    scatter = np.exp(rng.normal(4, 0.8, (count, 17)))
    errors = 3 * scatter**0.8 * np.exp(rng.normal(0, 0.5, (count, 17)))
    seen = rng.random((count, 17))
    errors *= np.exp(0.3 * (1 - seen))
    numbers = (scatter, errors, seen, errors.mean(axis=1))
    return SpreadRows(*(torch.tensor(values) for values in numbers))


def test_the_fitted_radius_holds_nine_of_ten_in_every_decile() -> None:
    head, unseen = fit_spread(rows()), rows(seed=1)
    radii = head(unseen.scatter_mm, unseen.seen).double().numpy()
    visible = np.random.default_rng(2).random((4000, 17)) < 0.5
    found = report_of(radii, unseen.errors_mm.numpy(), visible)
    assert found.held == pytest.approx(0.9, abs=0.01)
    assert (found.held_visible, found.held_hidden) == pytest.approx((0.9, 0.9), abs=0.015)
    assert np.allclose(found.held_by_decile, 0.9, atol=0.03)
    assert found.rank_correlation > 0.7
    assert head.slope[1:].numpy() == pytest.approx(0.8, abs=0.1)
    assert head.doubt[1:].mean() == pytest.approx(0.3, abs=0.1)


def test_a_report_sees_radii_that_are_too_small() -> None:
    some = rows()
    found = report_of(some.scatter_mm.numpy(), some.errors_mm.numpy(), np.ones((4000, 17), bool))
    assert found.held < 0.5


def test_no_one_is_judged_by_a_head_that_knows_them() -> None:
    """One person's errors are ten times larger: their own half must not learn it from them."""
    some = rows(400)
    people = ["a"] * 200 + ["b"] * 200
    far = some.errors_mm.clone()
    far[200:] *= 10
    radii = radii_across_people(replace(some, errors_mm=far), people)
    held = (far.numpy() <= radii)[:, 1:]
    assert held[:200].mean() > 0.99 and held[200:].mean() < 0.2


def test_one_person_alone_is_refused() -> None:
    with pytest.raises(DataError, match="several people"):
        radii_across_people(rows(50), ["a"] * 50)


def test_the_same_rows_give_the_same_head() -> None:
    one, other = fit_spread(rows(200)), fit_spread(rows(200))
    assert torch.equal(one.offset, other.offset) and torch.equal(one.slope, other.slope)
