"""Messages as the line makes them, and a publisher that sends them: fixtures, known everywhere through conftest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.pose import PersonPose, Points33
from realtime.frame import Frame
from realtime.health import Health
from realtime.message import LineFacts, PoseMessage
from realtime.person import TrackedPerson
from realtime.publisher import Publisher


def _person(person_id: int, *, complete: bool) -> TrackedPerson:
    random = np.random.default_rng(person_id)

    def some(*shape: int) -> np.ndarray:
        return random.random(shape, np.float32)

    joints_mm = some(17, 3) * 1000
    joints_mm[0] = 0
    pose = PersonPose(
        person_id=person_id,
        joints_mm=joints_mm,
        root_mm=some(3),
        joints_px=some(17, 2),
        confidence=some(17),
        hidden=some(17) > 0.5,
        presence=0.9,
        spread_mm=some(17) if complete else None,
        points33=Points33(some(33, 2), some(33, 3), some(33)) if complete else None,
    )
    return TrackedPerson(person_id, "tracked", 0.75, pose)


@pytest.fixture
def pose_message() -> Callable[..., PoseMessage]:
    """Makes the message of frame `index` with `persons` people in it."""

    def make(index: int = 0, *, persons: int = 1, complete: bool = True) -> PoseMessage:
        frame = Frame(index, time.monotonic_ns(), np.zeros((48, 64, 3), np.uint8))
        people = [_person(number + 1, complete=complete) for number in range(persons)]
        line = LineFacts("blazepose", "test", smoothing=True)
        return PoseMessage.of(frame, people, camera=Camera.from_fov((64, 48)), line=line, drops=2)

    return make


@pytest.fixture
def live_stream(pose_message) -> Iterator[Publisher]:
    """A publisher that sends a pose of two people every 10 ms and beats, until the test ends."""
    ended = threading.Event()
    started: Queue[Publisher] = Queue()

    def publish() -> None:
        with Publisher("tcp://127.0.0.1:*") as publisher:
            health = Health()
            started.put(publisher)
            index = 0
            while not ended.wait(0.01):
                health.published(publisher.send(pose_message(index, persons=2)))
                publisher.beat(health.message)
                index += 1

    line = threading.Thread(target=publish)
    line.start()
    yield started.get(timeout=10)
    ended.set()
    line.join(timeout=10)
