"""The line for one frame, straight: find people, estimate their poses, smooth, decide who is who."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.body.camera import Camera
from engine.body.crop import PersonCrop, SeenPerson
from engine.body.pose import PersonPose
from engine.runtime.estimator import Estimator
from realtime.finder import PersonFinder
from realtime.frame import Frame, SourceEvent
from realtime.person import TrackedPerson
from realtime.smoother import Smoother
from realtime.stages import StageClock

CameraOf = Callable[[tuple[int, int]], Camera]
"""The intrinsics for pictures of this size."""


class Line:
    """Turns frames into tracked people. One thread; the parts belong to whoever built them."""

    def __init__(
        self, *, finder: PersonFinder, estimator: Estimator, smoother: Smoother, camera_of: CameraOf, clock: StageClock
    ) -> None:
        self._finder = finder
        self._estimator = estimator
        self._smoother = smoother
        self._camera_of = camera_of
        self._clock = clock
        self._followed: set[int] = set()

    def people(self, frame: Frame) -> list[TrackedPerson]:
        """Everybody in this frame, oldest id first; may be empty."""
        camera = self._camera_of(frame.size_wh)
        with self._clock.stage("find"):
            crops = self._finder.persons(frame)
        believed, again = self._judged(frame, crops, camera)
        if again:
            believed += self._judged(frame, again, camera)[0]
        with self._clock.stage("smooth"):
            settled = self._finder.settle(frame, believed)
            people = self._finder.update(frame, self._smoother.poses(settled, frame.time_s))
        self._forget_all_but(people)
        return people

    def _judged(
        self, frame: Frame, crops: list[SeenPerson], camera: Camera
    ) -> tuple[list[PersonPose], list[SeenPerson]]:
        with self._clock.stage("estimate"):
            poses = self._estimator.poses(crops, camera)
        with self._clock.stage("find"):
            return self._finder.judge(frame, poses)

    def react(self, event: SourceEvent) -> None:
        """A source that begins anew or shows another picture size has no past to follow."""
        if event.kind in ("looped", "resized"):
            self._finder.reset()
            self._smoother.forget_all()

    def warm_up(self, blank: Frame) -> None:
        """Run the estimator once on a picture without people."""
        image_rgb = np.zeros((self._estimator.crop_size_px, self._estimator.crop_size_px, 3), np.uint8)
        self._estimator.poses([PersonCrop(0, image_rgb, np.eye(2, 3))], self._camera_of(blank.size_wh))

    def _forget_all_but(self, people: list[TrackedPerson]) -> None:
        here = {person.person_id for person in people if person.state != "lost"}
        for gone in self._followed - here:
            self._estimator.forget(gone)
        self._followed = here
