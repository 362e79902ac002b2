"""The messages beside the poses: what the skeleton is, how the line is doing, what happened to the source."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from engine.body.pose import JOINTS
from engine.body.rest_pose import REST_POSE_MM
from engine.body.skeleton import H36M17
from realtime.array_fields import F32, WithArrays, rows, said
from realtime.frame import SourceEvent
from realtime.message import Header
from realtime.topics import Kind

AXES = "OpenCV camera: x right, y down, z forward"


class SkeletonMessage(Header, frozen=True, kw_only=True, tag_field="kind", tag="skeleton"):
    """Sent at start and every second: what the rows of joint arrays are."""

    kind: ClassVar[Kind] = "skeleton"

    skeleton_id: Annotated[str, said("what pose messages refer to")]
    names: Annotated[list[str], said("name of the joint in each row")]
    parents: Annotated[list[int], said("row of each joint's parent, always smaller than its own; -1 for the root")]
    mirror_pairs: Annotated[list[tuple[int, int]], said("rows that swap when left and right swap")]
    units: Annotated[str, said("unit of every *_mm array")]
    axes: Annotated[str, said("directions of x, y and z")]
    rest_pose_mm: Annotated[F32, rows((JOINTS, 3), "mm", "an adult in T-pose facing the camera, pelvis at zero")]

    @classmethod
    def h36m17(cls) -> Self:
        return cls(
            skeleton_id=H36M17.id,
            names=list(H36M17.names),
            parents=list(H36M17.parents),
            mirror_pairs=list(H36M17.mirror_pairs),
            units="mm",
            axes=AXES,
            rest_pose_mm=REST_POSE_MM,
        )


class Percentiles(WithArrays, frozen=True, kw_only=True):
    """How a duration was distributed over the window; all null while nothing was measured."""

    count: Annotated[int, said("measurements in the window", ge=0)]
    p50: Annotated[float, said("median", "ms", ge=-1e9, le=1e9)] | None = None
    p95: Annotated[float, said("95 of 100 were at most this", "ms", ge=-1e9, le=1e9)] | None = None
    p99: Annotated[float, said("99 of 100 were at most this", "ms", ge=-1e9, le=1e9)] | None = None


class HealthMessage(Header, frozen=True, kw_only=True, tag_field="kind", tag="health"):
    """Sent every second: rates and times over the last seconds."""

    kind: ClassVar[Kind] = "health"

    window_s: Annotated[float, said("how far back rates and percentiles look", "s", ge=0.0, le=1e9)]
    captured_hz: Annotated[float, said("frames that the source delivered", "1/s", ge=0.0, le=1e9)]
    published_hz: Annotated[float, said("pose messages sent", "1/s", ge=0.0, le=1e9)]
    drops: Annotated[int, said("frames delivered and not processed, since start", ge=0)]
    persons: Annotated[int, said("people in the last pose message", ge=0)]
    stage_ms: Annotated[dict[str, Percentiles], said("time per frame of each stage of the line", "ms")]
    capture_to_publish_ms: Annotated[Percentiles, said("from captured_ns to published_ns", "ms")]
    source_state: Annotated[str, said("running, lost or ended; others may follow")]


class StatusMessage(Header, frozen=True, kw_only=True, tag_field="kind", tag="status"):
    """Sent when something happens to the source."""

    kind: ClassVar[Kind] = "status"

    event: Annotated[str, said("lost, found, resized, looped, skipped or ended; others may follow")]
    text: Annotated[str, said("what happened and what to do, for a person")]
    at_ns: Annotated[int, said("monotonic clock of the publisher at the event", "ns", ge=0)]

    @classmethod
    def of(cls, event: SourceEvent) -> Self:
        return cls(event=event.kind, text=event.text, at_ns=event.at_ns)
