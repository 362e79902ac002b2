"""The `pose` message: every person of one frame, with all that a reader needs to understand it.

The fields, their units and their meaning are these classes; docs/stream.md and docs/stream.schema.json are written
from them. Fields are only ever added. Unknown is None, never NaN. A reader ignores fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np

from engine.body.camera import Camera
from engine.body.pose import JOINTS, POINTS, Points33
from engine.body.skeleton import H36M17
from realtime.array_fields import F32, Truth, WithArrays, rows, said
from realtime.frame import Frame
from realtime.person import TrackedPerson, TrackState
from realtime.topics import Kind

MOST_PERSONS = 256


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What stays true from frame to frame about the line that makes the poses."""

    estimator: str
    weights: str
    smoothing: bool
    replay: bool = False


class Header(WithArrays, frozen=True, kw_only=True):
    """What every message carries. The publisher fills it in when it sends; until then the values say "not sent"."""

    kind: ClassVar[Kind]

    version: Annotated[int, said("version of this layout; meaning never changes within one", ge=1)] = 0
    stream_id: Annotated[str, said("which stream, the same as in the prefix")] = ""
    session_id: Annotated[str, said("random at every start of a publisher; a new one means sequence begins anew")] = ""
    sequence: Annotated[int, said("counts the messages of this kind in the session from 0; a gap is a loss", ge=0)] = -1
    published_ns: Annotated[int, said("monotonic clock of the publisher just before sending", "ns", ge=0)] = 0
    wall_ns: Annotated[int, said("Unix time at the moment of published_ns", "ns", ge=0)] = 0
    clock_id: Annotated[
        str, said("names the monotonic clock (host and boot): *_ns values of two messages compare only if it is equal")
    ] = ""


class Intrinsics(WithArrays, frozen=True, kw_only=True):
    """The lens that root_mm and joints_px rest on."""

    K: Annotated[F32, rows((3, 3), "px", "camera matrix; the centre of the first pixel is at 0.0")]
    distortion: Annotated[F32, rows((5,), "", "OpenCV's k1, k2, p1, p2, k3")]
    source: Annotated[str, said("where they come from: 'file NAME' or 'assumed 55 deg'")]

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, camera: Camera) -> Intrinsics:
        return cls(
            K=camera.K.astype(np.float32), distortion=np.array(camera.distortion, np.float32), source=camera.source
        )


class Points33Message(WithArrays, frozen=True, kw_only=True):
    """The 33 BlazePose points, so that feet, hands and face stay available."""

    points_px: Annotated[F32, rows((POINTS, 2), "px", "full-frame pixels")]
    points_mm: Annotated[F32, rows((POINTS, 3), "mm", "camera axes, relative to the middle of BlazePose's hips")]
    visibility: Annotated[F32, rows((POINTS,), "0..1", "that the point is seen")]

    @classmethod
    def of(cls, points: Points33) -> Self:
        return cls(points_px=points.points_px, points_mm=points.points_mm, visibility=points.visibility)


class PersonMessage(WithArrays, frozen=True, kw_only=True):
    """One person. Row i of every joint array is joint i of the skeleton named by skeleton_id."""

    id: Annotated[int, said("stays with the person while the track lives; not used again in the session", ge=0)]
    state: Annotated[
        TrackState,
        said("new: first seen now; tracked: seen again; predicted: not measured in this frame; lost: last time here"),
    ]
    score: Annotated[float, said("that this is a person, and the same one", "0..1", ge=0.0, le=1.0)]
    joints_mm: Annotated[F32, rows((JOINTS, 3), "mm", "camera axes, relative to the pelvis: row 0 is zero")]
    root_mm: Annotated[
        F32, rows((3,), "mm", "pelvis in the camera; its depth rests on intrinsics and an assumed height")
    ]
    joints_px: Annotated[F32, rows((JOINTS, 2), "px", "full-frame pixels, centre of the first pixel at 0.0")]
    confidence: Annotated[F32, rows((JOINTS,), "0..1", "that the joint is where it is said to be")]
    hidden: Annotated[Truth, rows((JOINTS,), "bool", "the estimator believes that the joint is not seen")]
    spread_mm: (
        Annotated[F32, rows((JOINTS,), "mm", "radius around the joint that holds the true one with 90 % probability")]
        | None
    ) = None
    points33: Annotated[Points33Message | None, said("feet, hands and face, where the estimator gives them")] = None
    hypotheses_mm: (
        Annotated[F32, rows((-1, JOINTS, 3), "mm", "several possible poses, like joints_mm, best first")] | None
    ) = None

    @classmethod
    def of(cls, person: TrackedPerson) -> Self:
        pose = person.pose
        return cls(
            id=person.person_id,
            state=person.state,
            score=person.score,
            joints_mm=pose.joints_mm,
            root_mm=pose.root_mm,
            joints_px=pose.joints_px,
            confidence=pose.confidence,
            hidden=pose.hidden,
            spread_mm=pose.spread_mm,
            points33=None if pose.points33 is None else Points33Message.of(pose.points33),
            hypotheses_mm=pose.hypotheses_mm,
        )


class PoseMessage(Header, frozen=True, kw_only=True, tag_field="kind", tag="pose"):
    """One per processed frame, also when nobody is in it: silence means trouble."""

    kind: ClassVar[Kind] = "pose"

    frame_index: Annotated[int, said("0-based over all decoded frames; keeps rising when a file is looped", ge=0)]
    captured_ns: Annotated[int, said("monotonic clock of the publisher when the picture was handed out", "ns", ge=0)]
    media_time_s: Annotated[float, said("time in the file; null for cameras", "s", ge=-1e9, le=1e9)] | None = None
    image_wh: Annotated[tuple[int, int], said("width and height of the full frame", "px")]
    drops: Annotated[int, said("frames that the source delivered and nobody processed, since start", ge=0)]
    estimator: Annotated[str, said("what computes the poses")]
    weights: Annotated[str, said("which weights it uses")]
    skeleton_id: Annotated[str, said("which skeleton message names the joints")] = H36M17.id
    smoothing: Annotated[bool, said("the poses are smoothed over time")]
    replay: Annotated[bool, said("a recorded stream is sent again: times are those of the recording")]
    intrinsics: Annotated[Intrinsics, said("the lens that root_mm and joints_px rest on")]
    persons: Annotated[list[PersonMessage], said("everybody in the frame; may be empty", max_length=MOST_PERSONS)]

    @classmethod
    def of(cls, frame: Frame, people: Sequence[TrackedPerson], *, camera: Camera, line: LineFacts, drops: int) -> Self:
        """What is known about `frame`; `camera` is that of the full frame. The publisher adds the header."""
        return cls(
            frame_index=frame.index,
            captured_ns=frame.captured_ns,
            media_time_s=frame.media_time_s,
            image_wh=frame.size_wh,
            drops=drops,
            estimator=line.estimator,
            weights=line.weights,
            smoothing=line.smoothing,
            replay=line.replay,
            intrinsics=Intrinsics.of(camera),
            persons=[PersonMessage.of(person) for person in people],
        )
