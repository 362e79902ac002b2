"""Laws of robust triangulation, on cameras and points that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from ring_of_cameras import body, ring, sightings

from training.multiview import rays_of, rig_of
from training.triangulation import Rules, agreed, triangulate

VIEWS = ring()
RIG = rig_of(VIEWS)
WORLD = body()
SEEN = sightings(VIEWS, WORLD[None])
RAYS = rays_of(VIEWS, SEEN)[:, 0]
ALL = np.ones(len(VIEWS), bool)


def test_exact_sightings_give_the_exact_point() -> None:
    for joint, truth in enumerate(WORLD):
        np.testing.assert_allclose(triangulate(RIG, RAYS[:, joint]), truth, atol=1e-5)
        known = agreed(RIG, RAYS[:, joint], ALL, rules=Rules())
        assert known is not None and known.used.all()
        np.testing.assert_allclose(known.point_mm, truth, atol=1e-5)
        assert known.errors_px.max() < 1e-5


@pytest.mark.parametrize("wrong", range(len(VIEWS)))
@pytest.mark.parametrize("shift", [0.05, 0.5])
def test_a_view_that_is_wrong_is_left_out(wrong: int, shift: float) -> None:
    rays = RAYS[:, 3].copy()
    rays[wrong] += shift  # 40 and 400 pixels
    known = agreed(RIG, rays, ALL, rules=Rules())
    assert known is not None
    assert known.used.tolist() == [view != wrong for view in range(len(VIEWS))]
    np.testing.assert_allclose(known.point_mm, WORLD[3], atol=1e-5)


def test_two_wrong_views_of_five_leave_three() -> None:
    rays = RAYS[:, 0].copy()
    rays[1] += 0.1
    rays[4] -= 0.2
    known = agreed(RIG, rays, ALL, rules=Rules())
    assert known is not None and known.used.tolist() == [True, False, True, True, False]


def test_noise_within_the_limit_moves_the_point_little() -> None:
    rng = np.random.default_rng(1)
    moved = []
    for joint, truth in enumerate(WORLD):
        known = agreed(RIG, RAYS[:, joint] + rng.normal(0, 2 / 800, (len(VIEWS), 2)), ALL, rules=Rules())
        assert known is not None
        moved.append(np.linalg.norm(known.point_mm - truth))
    assert np.mean(moved) < 12  # 2 px are 9 mm at 3.5 m


def test_limits_decide() -> None:
    rays = RAYS[:, 0].copy()
    rays[0] += 0.01  # 8 px, 35 mm
    loose = agreed(RIG, rays, ALL, rules=Rules(limit_mm=60))
    tight = agreed(RIG, rays, ALL, rules=Rules(limit_mm=60, limit_px=3.0))
    assert loose is not None and loose.used.all()
    assert tight is not None and not tight.used[0]


def test_too_few_views_are_no_reference() -> None:
    seen = ALL.copy()
    seen[2:] = False
    assert agreed(RIG, RAYS[:, 0], seen, rules=Rules()) is None


def test_nearly_parallel_rays_are_no_reference() -> None:
    views = ring(36, distance_mm=9000.0)[:3]  # 20 degrees apart at most
    rays = rays_of(views, sightings(views, WORLD[None]))[:, 0, 0]
    every = np.ones(3, bool)
    assert agreed(rig_of(views), rays, every, rules=Rules(min_parallax_deg=25)) is None
    assert agreed(rig_of(views), rays, every, rules=Rules(min_parallax_deg=15)) is not None


def test_a_point_behind_a_camera_is_not_seen_by_it() -> None:
    """Rays to a point behind the camera project as if it lay in front; depth tells them apart."""
    view = VIEWS[0]
    behind = view.camera_from_world.T @ (np.array([300.0, 200.0, -1500.0]) - view.offset_mm)
    seen = [other.seen(behind) for other in VIEWS]
    rays = np.stack([point[:2] / point[2] for point in seen])
    known = agreed(RIG, rays, ALL, rules=Rules(limit_mm=5))
    assert known is None or not known.used[0]


@pytest.mark.parametrize("bad", [{"min_views": 1}, {"limit_mm": 0.0}, {"limit_px": -1.0}])
def test_senseless_rules_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rules(**bad)  # type: ignore[arg-type]
