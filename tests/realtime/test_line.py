"""The line for one frame: who is told to whom, and what is forgotten when."""

import numpy as np
from scenes import Body, Scene, frame_at

from engine.body.camera import Camera
from realtime.config import SmoothingConfig, TrackingConfig
from realtime.finder import PersonFinder
from realtime.frame import SourceEvent
from realtime.line import Line
from realtime.smoother import Smoother
from realtime.stages import StageClock


class SceneEstimator:
    """Answers from the scene and remembers whom it was told to forget."""

    name, weights, crop_size_px = "scene", "none", 64

    def __init__(self, scene):
        self.scene, self.forgotten, self.cameras = scene, [], []

    def poses(self, crops, camera):
        self.cameras.append(camera)
        return self.scene.poses(crops)

    def forget(self, person_id):
        self.forgotten.append(person_id)


def line_of(scene):
    estimator = SceneEstimator(scene)
    finder = PersonFinder(scene.detect, crop_size_px=64, config=TrackingConfig())
    clock = StageClock()
    line = Line(
        finder=finder,
        estimator=estimator,
        smoother=Smoother(SmoothingConfig()),
        camera_of=Camera.from_fov,
        clock=clock,
    )
    return line, estimator, clock


def test_an_empty_picture_has_no_people_and_costs_no_error():
    line, _, _ = line_of(Scene())
    assert line.people(frame_at(0)) == []


def test_people_are_smoothed_under_their_own_ids():
    scene = Scene([Body(200, 300), Body(450, 300)])
    line, _, _ = line_of(scene)
    first = {person.person_id: person for person in line.people(frame_at(0))}
    scene.bodies[0].x += 10
    second = {person.person_id: person for person in line.people(frame_at(1))}
    moved = next(who for who in first if first[who].pose.joints_px[0, 0] == 200)
    still = next(who for who in first if who != moved)
    assert 200 < second[moved].pose.joints_px[0, 0] < 210
    np.testing.assert_array_equal(second[still].pose.joints_px, first[still].pose.joints_px)


def test_the_estimator_forgets_whoever_is_lost():
    scene = Scene([Body(200, 300)])
    line, estimator, _ = line_of(scene)
    line.people(frame_at(0))
    scene.bodies.clear()
    for index in range(1, 40):
        line.people(frame_at(index))
    assert estimator.forgotten == [1]


def test_a_source_that_begins_anew_has_no_past():
    scene = Scene([Body(200, 300)])
    line, estimator, _ = line_of(scene)
    line.people(frame_at(0))
    line.react(SourceEvent("looped", "again"))
    scene.bodies[0].x = 400
    [person] = line.people(frame_at(1))
    assert (person.person_id, person.state) == (2, "new")
    assert person.pose.joints_px[0, 0] == 400
    assert estimator.forgotten == [1]


def test_the_camera_is_that_of_the_picture():
    line, estimator, _ = line_of(Scene([Body(200, 300)]))
    line.people(frame_at(0))
    assert estimator.cameras[0].size_wh == (640, 480)


def test_every_stage_is_timed_once_per_frame():
    line, _, clock = line_of(Scene([Body(200, 300)]))
    line.people(frame_at(0))
    assert set(clock.take()) == {"find", "estimate", "smooth"}
    assert clock.take() == {}
