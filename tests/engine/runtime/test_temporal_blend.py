from dataclasses import replace

import numpy as np
import pytest

from engine.blazepose.fetch import NetworkFilesError
from engine.runtime.temporal_blend import (
    CHOICES,
    FEATURES,
    JOINTS,
    OUTPUTS,
    SHIPPED,
    Moments,
    TemporalBlend,
    log_spread,
)


def moments(count=5, seed=0):
    rng = np.random.default_rng(seed)
    looks = rng.normal(0, 0.3, (count, 17, 3)).astype(np.float32)
    looks[:, 0] = 0
    means = looks[:, None] + rng.normal(0, 0.05, (count, CHOICES - 1, 17, 3)).astype(np.float32)
    means[:, :, 0] = 0
    return Moments(
        looks,
        log_spread(rng.uniform(50, 500, (count, 17))),
        rng.random((count, 17), np.float32),
        rng.random(count, np.float32),
        np.full(count, 1 / 30, np.float32),
        means,
        rng.normal(0, 1, (count, CHOICES - 1, 17)).astype(np.float32),
    )


def constant(outputs):
    """A blend that says the same of everything."""
    return TemporalBlend([(np.zeros((FEATURES, OUTPUTS), np.float32), outputs.astype(np.float32))])


def test_the_look_alone_where_it_alone_is_believed():
    outputs = np.zeros(OUTPUTS)
    outputs[: JOINTS * CHOICES : CHOICES] = 50.0
    np.testing.assert_allclose(constant(outputs)(moments()), moments().joints_m, atol=1e-6)


def test_without_a_preference_look_and_means_weigh_alike():
    some = moments()
    mean = (some.joints_m + some.means_m.sum(axis=1)) / CHOICES
    np.testing.assert_allclose(constant(np.zeros(OUTPUTS))(some), mean, atol=1e-6)


def test_the_shift_is_at_most_half_the_stated_radius_along_each_axis():
    outputs = np.zeros(OUTPUTS)
    outputs[: JOINTS * CHOICES : CHOICES] = 50.0
    outputs[JOINTS * CHOICES + 3 :] = 50.0
    some = replace(moments(), log_spread=log_spread(np.full((5, 17), 120.0)))
    np.testing.assert_allclose((constant(outputs)(some) - some.joints_m)[:, 1:], 0.06, atol=1e-5)


def test_doubt_beyond_four_usual_radii_allows_no_larger_shift():
    some = replace(moments(), log_spread=log_spread(np.full((5, 17), 5000.0)))
    np.testing.assert_allclose(some.most_shift_m, 0.4, rtol=1e-5)


def test_one_moment_is_answered_as_it_is_among_many():
    some, blend = moments(), TemporalBlend.read(SHIPPED)
    one = Moments(*(getattr(some, name)[2] for name in Moments.__slots__))
    np.testing.assert_allclose(blend(one), blend(some)[2], atol=1e-5)


@pytest.mark.parametrize("harm", ["absent", "cut", "other sizes", "no archive"])
def test_a_file_that_is_no_blend_is_refused_with_the_cure(harm, tmp_path):
    path = tmp_path / "blend.npz"
    whole = SHIPPED.read_bytes()
    if harm == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif harm == "no archive":
        path.write_bytes(b"weights")
    elif harm == "other sizes":
        np.savez(path, weights0=np.zeros((3, 4), np.float32), biases0=np.zeros(4, np.float32))
    with pytest.raises(NetworkFilesError, match=r"blend\.npz.*install the package again"):
        TemporalBlend.read(path)
