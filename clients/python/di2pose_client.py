# ruff: noqa: T201
"""Reads the pose stream of Di2Pose Live. Copy this one file into your application.

    pip install pyzmq msgspec numpy        # Python 3.9 or newer, tested with 3.11; Di2Pose itself is not needed

    with Stream("tcp://127.0.0.1:5870") as stream:
        pose = stream.newest(timeout_s=1.0)

msgspec unpacks the MessagePack bodies: the publisher uses it too, it has wheels for all systems and no dependencies of
its own. What the fields mean is in docs/stream.md; this file reads version 1. Not thread-safe: one Stream per thread.
Run it to see who is in the stream: `python di2pose_client.py [ADDRESS [STREAM_ID]]`.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
import time
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import zmq

VERSION = 1
DEFAULT_ADDRESS = "tcp://127.0.0.1:5870"

H36M17 = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "spine", "thorax", "neck_nose", "head_top",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
"""Joint of each row for skeleton_id `h36m17/1`."""


class StreamError(RuntimeError):
    """The address cannot be used."""


@dataclass(frozen=True)
class Person:
    """One person. Axes: x right, y down, z forward, as an OpenCV camera."""

    id: int
    state: str
    """new, tracked, predicted or lost"""
    score: float
    joints_mm: np.ndarray
    """(17, 3) relative to the pelvis"""
    root_mm: np.ndarray
    """(3,) the pelvis in the camera"""
    joints_px: np.ndarray
    """(17, 2) in the full frame"""
    confidence: np.ndarray
    """(17,) 0..1"""
    hidden: np.ndarray
    """(17,) bool"""
    spread_mm: np.ndarray | None
    """(17,) 90 % radius; None: unknown"""

    def joint_mm(self, name: str) -> np.ndarray:
        """(3,) where the joint called `name` is in the camera's axes."""
        where: np.ndarray = self.root_mm + self.joints_mm[H36M17.index(name)]
        return where


@dataclass(frozen=True)
class Pose:
    """Everybody in one frame."""

    persons: list[Person]
    frame_index: int
    sequence: int
    lost: int
    """Messages skipped or lost since the one before."""
    age_ms: float | None
    """From capture to now; None when the publisher runs on another clock or replays a recording."""
    fields: dict[str, Any]
    """The whole message as it came."""


class Stream:
    """The newest pose of one stream. Use it in a `with` block."""

    def __init__(self, address: str = DEFAULT_ADDRESS, stream_id: str = "main") -> None:
        self.malformed = 0
        self._last = ("", -1)
        self._clock_id = _clock_id()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.CONFLATE, 1)  # the newest only: set before connect, one subscription
        self._socket.setsockopt(zmq.MAXMSGSIZE, 16 * 2**20)
        self._socket.subscribe(f"pose/{stream_id}\0".encode())
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise StreamError(f"cannot read from {address!r}: {error}; expected like {DEFAULT_ADDRESS}") from error

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._context.destroy(linger=0)

    def newest(self, timeout_s: float = 1.0) -> Pose | None:
        """The newest pose that was not returned before, or None when none came in time."""
        until = time.monotonic() + timeout_s
        while self._socket.poll(max(0, int((until - time.monotonic()) * 1000))):
            frame = self._socket.recv()
            try:
                return self._pose(frame)
            except (ValueError, KeyError, TypeError, RecursionError, msgspec.MsgspecError):
                self.malformed += 1  # not ours or damaged: pass over it
                if time.monotonic() >= until:
                    break
        return None

    def _pose(self, frame: bytes) -> Pose:
        fields = msgspec.msgpack.decode(frame[frame.index(b"\0") + 1 :])
        if fields["version"] != VERSION:
            raise ValueError(f"version {fields['version']} cannot be read, only {VERSION}")
        persons = [_person(person) for person in fields["persons"]]
        known = fields["clock_id"] == self._clock_id and not fields["replay"]
        age_ms = (time.monotonic_ns() - fields["captured_ns"]) * 1e-6 if known else None
        session_id, sequence = self._last
        lost = max(0, fields["sequence"] - sequence - 1) if fields["session_id"] == session_id else 0
        self._last = (fields["session_id"], fields["sequence"])
        return Pose(persons, fields["frame_index"], fields["sequence"], lost, age_ms, fields)


def _person(fields: dict[str, Any]) -> Person:
    def array(name: str, *shape: int) -> np.ndarray:
        values = np.frombuffer(fields[name], "<f4").reshape(shape)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite")
        return values

    rows = len(H36M17)
    return Person(
        id=fields["id"],
        state=fields["state"],
        score=fields["score"],
        joints_mm=array("joints_mm", rows, 3),
        root_mm=array("root_mm", 3),
        joints_px=array("joints_px", rows, 2),
        confidence=array("confidence", rows),
        hidden=array("hidden", rows) != 0,
        spread_mm=None if fields.get("spread_mm") is None else array("spread_mm", rows),
    )


def _clock_id() -> str:
    """Linux' boot id; elsewhere ages stay unknown."""
    try:
        return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def main(address: str = DEFAULT_ADDRESS, stream_id: str = "main") -> None:
    with Stream(address, stream_id) as stream:
        while True:
            pose = stream.newest(timeout_s=2.0)
            if pose is None:
                print(f"waiting for a publisher at {address}", flush=True)
                continue
            age = "unknown" if pose.age_ms is None else f"{pose.age_ms:.1f} ms"
            people = ", ".join(f"{person.id} {person.state} at {person.root_mm.round()} mm" for person in pose.persons)
            print(f"frame {pose.frame_index}, age {age}, {pose.lost} skipped: {people or 'nobody'}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:3])
