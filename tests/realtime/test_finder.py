"""Laws of following people, on scripted scenes; tests/end_to_end holds the same on real clips."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import Body, Scene, frame_at, pose_at

from engine.blazepose.uncut import UncutPerson
from realtime.config import TrackingConfig
from realtime.finder import PersonFinder

CONFIG = TrackingConfig()


def finder_of(scene, config=CONFIG):
    return PersonFinder(scene.detect, crop_size_px=64, config=config)


def step(finder, scene, index, *, rate_hz=30.0):
    frame = frame_at(index, rate_hz=rate_hz)
    believed, again = finder.judge(frame, scene.poses(finder.persons(frame)))
    if again:
        believed += finder.judge(frame, scene.poses(again))[0]
    return finder.update(frame, finder.settle(frame, believed))


def states(tracked):
    return {person.person_id: person.state for person in tracked}


def test_a_sure_newcomer_has_an_id_in_its_first_frame_and_keeps_it():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    assert states(step(finder, scene, 0)) == {1: "new"}
    for index in range(1, 40):
        scene.bodies[0].x += 3
        assert states(step(finder, scene, index)) == {1: "tracked"}


def test_people_are_cut_out_by_whoever_is_asked_to():
    scene = Scene([Body(300, 300)])
    frame = frame_at(0)
    (cut,) = finder_of(scene).persons(frame)
    (uncut,) = PersonFinder(scene.detect, crop_size_px=64, config=CONFIG, crop_of=UncutPerson).persons(frame)
    assert uncut.frame_rgb is frame.image_rgb and uncut.image_rgb.shape == (64, 64, 3)
    np.testing.assert_array_equal(uncut.frame_from_crop, cut.frame_from_crop)
    np.testing.assert_array_equal(uncut.image_rgb, cut.image_rgb)


def test_the_detector_rests_while_everybody_is_followed():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    for index in range(31):
        step(finder, scene, index)
    assert len(scene.windows_asked) == 1 + 30 // CONFIG.detect_every_frames


def test_a_doubtful_detection_must_last_before_it_is_somebody():
    scene = Scene([Body(300, 300, score=0.55)])
    finder = finder_of(scene)
    seen = [states(step(finder, scene, index)) for index in range(5)]
    assert seen[:3] == [{}, {}, {}]
    assert seen[3] == {1: "new"}


@pytest.mark.parametrize("spread_mm,frames", [(150.0, 1), (200.0, 2), (330.0, 4)])
def test_a_doubtful_detection_is_believed_sooner_where_the_estimator_states_little_doubt(spread_mm, frames):
    scene = Scene([])
    finder = finder_of(scene)
    for index in range(3):
        step(finder, scene, index)
    scene.bodies.append(Body(300, 300, score=0.55, spread_mm=spread_mm))
    seen = [states(step(finder, scene, index)) for index in range(3, 3 + frames)]
    assert seen == [{}] * (frames - 1) + [{1: "new"}]


@pytest.mark.parametrize("spread_mm,believed", [(200.0, True), (330.0, False)])
def test_in_the_very_first_frame_the_word_of_detector_or_estimator_is_enough(spread_mm, believed):
    scene = Scene([Body(300, 300, score=0.55, spread_mm=spread_mm)])
    assert bool(states(step(finder_of(scene), scene, 0))) == believed


@pytest.mark.parametrize("at,believed", [(2, True), (3, False)])
def test_who_is_hidden_from_the_detector_in_the_first_two_frames_did_not_come_in_the_third(at, believed):
    scene = Scene([Body(300, 300, score=0.55, spread_mm=250.0, detected=False)])
    finder = finder_of(scene)
    for index in range(at):
        assert states(step(finder, scene, index)) == {}
    scene.bodies[0].detected = True
    assert bool(states(step(finder, scene, at))) == believed


def test_a_faint_presence_is_not_believed_at_once_whatever_the_estimator_states():
    scene = Scene([Body(300, 300, score=0.55, spread_mm=150.0, presence=0.7)])
    finder = finder_of(scene)
    assert [states(step(finder, scene, index)) for index in range(4)] == [{}, {}, {}, {1: "new"}]


@pytest.mark.parametrize("score,believed", [(0.55, False), (0.95, True)])
def test_great_doubt_makes_nobody_of_doubtful_looks_alone(score, believed):
    scene = Scene([])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies.append(Body(300, 300, score=score, spread_mm=450.0))
    seen = [states(step(finder, scene, index)) for index in range(1, 12)]
    assert any(seen) == believed


def test_a_flash_of_the_detector_is_nobody():
    scene = Scene([Body(300, 300, score=0.55)])
    finder = finder_of(scene)
    for index in range(2):
        assert states(step(finder, scene, index)) == {}
    scene.bodies.clear()
    for index in range(2, 10):
        assert states(step(finder, scene, index)) == {}


@pytest.mark.parametrize("gap,found", [(3, True), (4, False)])
def test_who_is_missed_in_a_few_frames_is_not_forgotten(gap, found):
    scene = Scene([Body(300, 300, score=0.55)])
    finder = finder_of(scene)
    hidden: list[Body] = []
    for index in range(3 + gap):
        if index == 3:
            hidden = scene.bodies[:]
            scene.bodies.clear()
        assert states(step(finder, scene, index)) == {}
    scene.bodies.extend(hidden)
    assert states(step(finder, scene, 3 + gap)) == ({1: "new"} if found else {})


def test_what_the_whole_picture_does_not_show_is_found_on_tiles_in_the_same_frame():
    scene = Scene([Body(300, 300, whole_window_sees=False)])
    assert states(step(finder_of(scene), scene, 0)) == {1: "new"}


@pytest.mark.parametrize("score,found", [(0.8, True), (0.7, False)])
def test_who_is_clear_to_the_detector_but_drawn_too_small_is_found_closer_by_in_the_same_frame(score, found):
    scene = Scene([Body(300, 300, score=score, size_in_whole_px=40.0)])
    assert bool(states(step(finder_of(scene), scene, 0))) == found


def test_a_newcomer_is_found_while_another_is_followed():
    scene = Scene([Body(150, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies.append(Body(500, 300, whole_window_sees=False))
    seen = {}
    for index in range(1, 60):
        seen |= states(step(finder, scene, index))
    assert set(seen) == {1, 2}


def test_who_comes_to_stand_beside_somebody_is_found():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies.append(Body(300 + 0.4 * scene.bodies[0].size_px, 300))
    seen = {}
    for index in range(1, 20):
        seen |= states(step(finder, scene, index))
    assert set(seen) == {1, 2}


def test_who_cannot_be_seen_is_predicted_then_lost_then_silent():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies.clear()
    seen = [states(step(finder, scene, index)) for index in range(1, 30)]
    patience = round(CONFIG.predict_for_s * 30)
    assert all(one == {1: "predicted"} for one in seen[:patience])
    assert seen[patience] == {1: "lost"}
    assert all(one == {} for one in seen[patience + 1 :])


def test_scores_fade_while_predicted():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    first = step(finder, scene, 0)[0].score
    scene.bodies.clear()
    faded = [step(finder, scene, index)[0].score for index in range(1, 10)]
    assert sorted([first, *faded], reverse=True) == [first, *faded]
    assert faded[-1] < first


def test_a_person_found_again_at_the_old_place_keeps_the_id():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    body = scene.bodies.pop()
    for index in range(1, 40):
        step(finder, scene, index)
    scene.bodies.append(body)
    assert 1 in {**states(step(finder, scene, 40)), **states(step(finder, scene, 41))}


@pytest.mark.parametrize("where", [(560.0, 300.0), (300.0, 300.0)])
def test_somebody_else_gets_another_id(where):
    """Far away at once, or at the same place after the memory has run out."""
    scene = Scene([Body(200, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies.clear()
    wait = 20 if where[0] > 400 else 200
    for index in range(1, wait):
        step(finder, scene, index)
    scene.bodies.append(Body(*where))
    seen = {}
    for index in range(wait, wait + 12):
        seen |= states(step(finder, scene, index))
    assert set(seen) == {2}


def test_a_track_does_not_jump_to_another_person():
    """The followed person vanishes while somebody else stands within the crop: no pose there may carry the old id."""
    scene = Scene([Body(300, 300, size_px=300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies[:] = [Body(300 + 0.45 * 300, 300, size_px=300)]
    for index in range(1, 60):
        for person in step(finder, scene, index):
            if person.person_id == 1 and person.state == "tracked":
                pytest.fail(f"frame {index}: id 1 went over to the other body")


def test_a_fast_walk_at_a_low_frame_rate_is_still_the_same_person():
    scene = Scene([Body(150, 300, size_px=300)])
    finder = finder_of(scene)
    step(finder, scene, 0, rate_hz=5.0)
    for index in range(1, 4):
        scene.bodies[0].x += 0.3 * 300
        assert states(step(finder, scene, index, rate_hz=5.0)) == {1: "tracked"}


def test_two_tracks_on_one_body_become_one():
    scene = Scene([Body(200, 300), Body(440, 300)])
    finder = finder_of(scene)
    assert set(states(step(finder, scene, 0))) == {1, 2}
    for index in range(1, 30):
        scene.bodies[1].x = max(200, scene.bodies[1].x - 12)
        tracked = step(finder, scene, index)
    assert [person.state for person in tracked].count("tracked") == 1


def test_two_people_keep_their_ids_side_by_side():
    scene = Scene([Body(200, 300), Body(440, 300)])
    finder = finder_of(scene)
    first = {person.person_id: person.pose.joints_px[0, 0] for person in step(finder, scene, 0)}
    for index in range(1, 40):
        last = {person.person_id: person.pose.joints_px[0, 0] for person in step(finder, scene, index)}
    assert first == last


def test_no_more_people_than_allowed():
    scene = Scene([Body(100 + 110 * row, 300, size_px=100) for row in range(5)])
    finder = finder_of(scene, replace(CONFIG, max_persons=3))
    for index in range(20):
        assert len(step(finder, scene, index)) <= 3


def test_who_walks_out_of_the_picture_is_lost():
    scene = Scene([Body(600, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    seen = []
    for index in range(1, 60):
        scene.bodies[0].x += 6
        seen.append(states(step(finder, scene, index)))
    assert {1: "lost"} in seen
    assert seen[-1] == {}


def test_reset_forgets_people_but_not_which_ids_were_given():
    scene = Scene([Body(300, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    finder.reset()
    assert states(step(finder, scene, 1)) == {2: "new"}


class Slipping(Scene):
    """A crop that is not where the body is shows something that looks like a person all the same, in great doubt."""

    def _pose(self, crop):
        middle = (crop.image_rgb.shape[0] - 1) / 2
        x, y = crop.frame_from_crop @ [middle, middle, 1]
        body = self.bodies[0]
        slipped = max(abs(body.x - x), abs(body.y - y)) > 20
        at = (float(x), float(y)) if slipped else (body.x, body.y)
        spread_mm = np.full(17, 600.0 if slipped else 200.0, np.float32)
        return replace(pose_at(crop.person_id, *at, size_px=body.size_px), spread_mm=spread_mm)


def test_a_region_that_has_slipped_off_is_brought_back_when_the_estimator_stays_in_doubt():
    scene = Slipping([Body(300, 300)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies[0].x += 60  # farther than a body moves between two frames
    places = [step(finder, scene, index)[0].pose.joints_px[0, 0] for index in range(1, 6)]
    np.testing.assert_allclose(places, [300, 300, 360, 360, 360], atol=1.0)
    assert states(step(finder, scene, 6)) == {1: "tracked"}


def test_one_frame_in_doubt_is_no_reason_to_look_again():
    scene = Scene([Body(300, 300, spread_mm=200.0)])
    finder = finder_of(scene)
    for index in range(4):
        scene.bodies[0].spread_mm = 600.0 if index == 3 else 200.0
        step(finder, scene, index)
    assert len(scene.windows_asked) == 1


def test_who_stays_in_doubt_is_looked_at_ever_less_often():
    scene = Scene([Body(300, 300, spread_mm=400.0)])
    finder = finder_of(scene)
    for index in range(120):
        assert states(step(finder, scene, index))[1] in ("new", "tracked")
    looks = [side_px for side_px in scene.windows_asked if side_px == 400]
    assert 3 <= len(looks) <= 12


def test_who_is_in_doubt_beside_somebody_is_not_taken_for_the_other():
    scene = Scene([Body(300, 300, spread_mm=200.0), Body(390, 300, spread_mm=200.0)])
    finder = finder_of(scene)
    assert states(step(finder, scene, 0)) == {1: "new", 2: "new"}
    scene.bodies[0].spread_mm, scene.bodies[0].detected = 600.0, False
    for index in range(1, 20):
        doubted, other = step(finder, scene, index)
        assert (doubted.state, other.state) == ("tracked", "tracked")
        np.testing.assert_allclose([doubted.pose.joints_px[0, 0], other.pose.joints_px[0, 0]], [300, 390])


@pytest.mark.parametrize("spread_mm,state", [(400.0, "tracked"), (500.0, "predicted"), (None, "predicted")])
def test_a_covered_person_is_estimated_while_the_estimator_still_knows_something(spread_mm, state):
    scene = Scene([Body(300, 300, spread_mm=None if spread_mm is None else 200.0)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies[0] = Body(300, 300, presence=0.1, spread_mm=spread_mm)
    patience = round(CONFIG.predict_for_s * 30)
    seen = [states(step(finder, scene, index)) for index in range(1, patience + 2)]
    assert seen == [{1: state}] * patience + [{1: "lost"}]


def test_a_covered_person_is_looked_for_where_last_seen():
    scene = Scene([Body(300, 300, spread_mm=200.0)])
    finder = finder_of(scene)
    step(finder, scene, 0)
    scene.bodies[0] = Body(320, 300, presence=0.1, spread_mm=400.0)
    for index in range(1, 4):
        (covered,) = step(finder, scene, index)
        assert covered.state == "tracked" and covered.score < 0.2
        np.testing.assert_allclose(covered.pose.joints_px[0], [320, 300])
    (crop,) = finder.persons(frame_at(4))
    np.testing.assert_allclose(crop.frame_from_crop @ [31.5, 31.5, 1], [300, 300], atol=1.0)
