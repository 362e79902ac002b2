"""Laws of the references and the score: the scored view has no part in its own reference, exact poses score zero."""

from __future__ import annotations

import numpy as np
import pytest
from ring_of_cameras import body, ring, sightings

from engine.body.skeleton import H36M17
from training.calibrated_views import View
from training.data_error import DataError
from training.multiview import (
    SCORED,
    SCORED_COUNT,
    TRIANGULATED,
    Sightings,
    reference,
    references,
)
from training.multiview_check import check_calibration
from training.multiview_score import Candidate, Scored, figures, score
from training.triangulation import Rules

VIEWS = ring()
MOMENTS = 3
WORLD = np.stack([body(seed) for seed in range(MOMENTS)])
EXACT = sightings(VIEWS, WORLD)
RULES = Rules()


def person(view: View, world_mm: np.ndarray) -> Candidate:
    """The true pose as an estimator gives it: root-relative, camera axes; unmeasured joints at the root."""
    hips = [TRIANGULATED.index(name) for name in ("left_hip", "right_hip")]
    seen = view.seen(world_mm)
    root = seen[hips].mean(axis=0)
    joints = np.tile(root, (17, 1))
    for name, place in zip(TRIANGULATED, seen, strict=True):
        joints[H36M17.row(name)] = place
    return Candidate(joints - root, view.camera.project(joints))


def everybody() -> list[list[list[Candidate]]]:
    return [[[person(view, WORLD[moment])] for moment in range(MOMENTS)] for view in VIEWS]


def hidden(names: tuple[str, ...]) -> Sightings:
    seen = EXACT.seen.copy()
    seen[..., [TRIANGULATED.index(name) for name in names]] = False
    return Sightings(EXACT.points_px, seen)


def test_the_true_pose_scores_zero_and_covers_all() -> None:
    results = score(VIEWS, references(VIEWS, EXACT, rules=RULES), everybody())
    found = figures(results)
    assert found.references == len(VIEWS) * MOMENTS * SCORED_COUNT
    assert found.coverage == 1.0 and found.pck150 == 1.0 and found.pck150_of_all == 1.0
    assert found.mpjpe_mm == pytest.approx(0, abs=1e-4) and found.pa_mpjpe_mm == pytest.approx(0, abs=1e-4)


def test_the_scored_view_has_no_part_in_its_reference() -> None:
    plain = references(VIEWS, EXACT, rules=RULES)
    points, seen = EXACT.points_px.copy(), EXACT.seen.copy()
    points[2] += np.random.default_rng(0).normal(0, 200, points[2].shape)
    seen[2, 0] = False
    disturbed = references(VIEWS, Sightings(points, seen), rules=RULES)
    np.testing.assert_array_equal(disturbed.known[2], plain.known[2])
    np.testing.assert_array_equal(disturbed.world_mm[2], plain.world_mm[2])
    assert np.isinf(plain.errors_px[2, ..., 2]).all()
    others = [0, 1, 3, 4]
    assert (disturbed.errors_px[others] != plain.errors_px[others]).any(), "the other views' references do see it"


def test_without_hips_the_root_is_between_the_shoulders() -> None:
    known = references(VIEWS, hidden(("left_hip",)), rules=RULES)
    truth = reference(VIEWS[0], known, row=0, moment=0)
    assert truth is not None and truth.root == "shoulders"
    np.testing.assert_allclose(truth.relative_mm[:2].mean(axis=0), 0, atol=1e-6)
    results = score(VIEWS, known, everybody())
    assert figures(results).mpjpe_mm == pytest.approx(0, abs=1e-4)


def test_without_hips_and_a_shoulder_nothing_is_scored() -> None:
    known = references(VIEWS, hidden(("left_hip", "right_shoulder")), rules=RULES)
    assert score(VIEWS, known, everybody()) == []
    assert figures([]).mpjpe_mm is None and figures([]).coverage is None


def test_a_scale_is_an_error_for_mpjpe_and_none_after_procrustes() -> None:
    people = [[[Candidate(1.2 * p.joints_mm, p.joints_px) for p in m] for m in view] for view in everybody()]
    found = figures(score(VIEWS, references(VIEWS, EXACT, rules=RULES), people))
    assert found.mpjpe_mm is not None and found.mpjpe_mm > 50
    assert found.pa_mpjpe_mm == pytest.approx(0, abs=1e-4)


def test_fewer_than_four_joints_are_not_aligned() -> None:
    known = references(VIEWS, hidden(SCORED[3:]), rules=RULES)
    results = score(VIEWS, known, everybody())
    assert figures(results).pa_mpjpe_mm is None and figures(results).mpjpe_mm is not None


def test_nobody_and_somebody_elsewhere_cover_nothing() -> None:
    people = everybody()
    people[0] = [[], [], []]
    people[1] = [[Candidate(p.joints_mm, p.joints_px + 900) for p in m] for m in people[1]]
    results = score(VIEWS, references(VIEWS, EXACT, rules=RULES), people)
    assert figures(results).coverage == pytest.approx(3 / 5)
    assert figures(results).pck150 == 1.0 and figures(results).pck150_of_all == pytest.approx(3 / 5)


def test_of_two_people_the_one_at_the_place_is_scored() -> None:
    people = everybody()
    for view in people:
        for moment in view:
            moment.insert(0, Candidate(moment[0].joints_mm * 3, moment[0].joints_px + [150, 0]))
    results: list[Scored] = score(VIEWS, references(VIEWS, EXACT, rules=RULES), people)
    assert figures(results).mpjpe_mm == pytest.approx(0, abs=1e-4)


def test_swapped_sides_are_an_error() -> None:
    people = everybody()
    swapped = [[[Candidate(p.joints_mm[H36M17.mirror_rows], p.joints_px) for p in m] for m in view] for view in people]
    found = figures(score(VIEWS, references(VIEWS, EXACT, rules=RULES), swapped))
    assert found.mpjpe_mm is not None and found.mpjpe_mm > 200


def test_the_check_says_which_camera_moved() -> None:
    points = EXACT.points_px.copy()
    points[3] += 120
    moved = Sightings(points, EXACT.seen)
    check = check_calibration(VIEWS, moved, references(VIEWS, moved, rules=RULES), rules=RULES)
    assert [view.agreeing for view in check.views] == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert check.views[3].unseen_median_px is not None and check.views[3].unseen_median_px > 100
    assert check.median_px == pytest.approx(0, abs=1e-4)


def test_a_calibration_of_other_cameras_is_refused() -> None:
    wrong = Sightings(np.random.default_rng(2).uniform(0, 700, EXACT.points_px.shape), EXACT.seen)
    rules = Rules(limit_mm=1.0)
    with pytest.raises(DataError, match="no joint is seen alike"):
        check_calibration(VIEWS, wrong, references(VIEWS, wrong, rules=rules), rules=rules)
