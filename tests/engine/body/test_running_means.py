import numpy as np
import pytest

from engine.body.running_means import SPANS_S, RunningMeans
from engine.body.virtual_camera import axes_towards

BODY = np.random.default_rng(0).normal(0, 300, (17, 3))
SURE = np.full(17, 100.0)
GAP = np.asarray(1 / 30)


def fed(looks, spreads=None, gap_s=GAP):
    means = RunningMeans()
    for row, look in enumerate(looks):
        means.add(look, SURE if spreads is None else spreads[row], gap_s)
    return means


def test_the_means_of_a_still_body_are_the_body():
    found = fed([BODY] * 20).means_mm
    assert found.shape == (len(SPANS_S), 17, 3)
    np.testing.assert_allclose(found, np.broadcast_to(BODY, found.shape))


def test_a_short_span_forgets_sooner_than_a_long_one():
    found = fed([BODY] * 60 + [BODY + 100] * 6).means_mm[:, 0, 0] - BODY[0, 0]
    assert (np.diff(found) < 0).all()
    assert found[0] > 90 and found[-1] < 20


@pytest.mark.parametrize("frames", [10, 60, 240])
def test_a_span_is_a_time_whatever_the_frame_rate(frames):
    """Two seconds in one place, half a second in another: 1/e of the old one is left per span."""
    looks = [BODY] * (4 * frames) + [BODY + 100] * frames
    found = fed(looks, gap_s=np.asarray(0.5 / frames)).means_mm[2, 0, 0] - BODY[0, 0]
    assert found == pytest.approx(100 * (1 - np.exp(-0.5 / SPANS_S[2])), abs=3)


def test_a_doubtful_look_weighs_by_the_square_of_its_doubt():
    spreads = [SURE, 10 * SURE]
    alone, beside = fed([BODY, BODY + 100], spreads), fed([BODY, BODY + 100])
    moved, usual = alone.means_mm[-1] - BODY, beside.means_mm[-1] - BODY
    assert 0 < moved.max() < 0.03 * usual.min()
    assert alone.log_weights[-1].min() > beside.log_weights[-1].max() + np.log(50)


def test_bodies_side_by_side_do_not_mix():
    rng = np.random.default_rng(1)
    looks, spreads = rng.normal(0, 300, (5, 2, 17, 3)), rng.uniform(50, 300, (5, 2, 17))
    both = fed(looks, spreads, np.full(2, 1 / 30))
    one = fed(looks[:, 1], spreads[:, 1])
    np.testing.assert_allclose(both.means_mm[1], one.means_mm)
    np.testing.assert_allclose(both.log_weights[1], one.log_weights)


@pytest.mark.parametrize("place", [(0, 0, 3000), (900, -400, 2000), (0, 2999, 10)])
def test_the_axes_lead_to_the_place_and_keep_down_below(place):
    axes = axes_towards(np.array(place, float))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    np.testing.assert_allclose(axes @ place, [0, 0, np.linalg.norm(place)], atol=1e-9)
    assert axes[0, 1] == pytest.approx(0) and axes[1, 1] > 0
