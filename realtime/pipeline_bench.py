"""How long a frame in memory takes to become poses: the second of the three levels that `di2pose bench` reports."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.runtime.networks import Networks
from realtime.announcements import Percentiles
from realtime.bench_error import BenchError
from realtime.config import LineConfig
from realtime.frame import Frame, SourceEvent
from realtime.parts import camera_choice, live_parts
from realtime.rolling import Rolling
from realtime.sources import SourceOptions, open_source

MOST_BYTES = 400_000_000
"""Of pictures held; 150 of the bundled clip."""
_PATIENCE_S = 5.0
_WINDOW_S = 3600.0


@dataclass(frozen=True, slots=True)
class PipelineTimes:
    frames: int
    persons: float
    """On average in a frame."""
    stage_ms: dict[str, Percentiles]
    """`detect` is a part of `find`."""
    total_ms: Percentiles
    """From a decoded frame to smoothed poses of everybody in it."""


def pipeline_times(
    source: str, frames: int, estimator: str, *, config: LineConfig, networks: Networks
) -> PipelineTimes:
    """At most `frames` frames from the start of a recording, fewer where they would not fit `MOST_BYTES`.

    Nothing is decoded or published meanwhile. Errors as `open_source` and `live_parts`.
    """
    held = _held(source, frames)
    if not held:
        raise BenchError(f"{source} gave no picture within {_PATIENCE_S:g} s; choose another --source")
    total_ms, stages = Rolling(_WINDOW_S, len(held)), dict[str, Rolling]()
    persons = 0
    with live_parts(estimator, config, camera_of=camera_choice(), networks=networks) as parts:
        for frame in held:
            begun_ns = time.perf_counter_ns()
            persons += len(parts.line.people(frame))
            now_ns = time.monotonic_ns()
            total_ms.add(now_ns, (time.perf_counter_ns() - begun_ns) * 1e-6)
            for name, spent_ms in parts.clock.take().items():
                stages.setdefault(name, Rolling(_WINDOW_S, len(held))).add(now_ns, spent_ms)
    now_ns = time.monotonic_ns()
    return PipelineTimes(
        frames=len(held),
        persons=persons / len(held),
        stage_ms={name: spent.percentiles(now_ns) for name, spent in stages.items()},
        total_ms=total_ms.percentiles(now_ns),
    )


def _held(source: str, frames: int) -> list[Frame]:
    held: list[Frame] = []
    with open_source(source, SourceOptions(loop=True, pace="max")) as pictures:
        while len(held) < frames:
            match pictures.read(_PATIENCE_S):
                case Frame() as frame:
                    held.append(frame)
                    if len(held) * frame.image_rgb.nbytes > MOST_BYTES:
                        break
                case SourceEvent(kind="looped") if held:
                    break  # what follows has another past
                case None:
                    break
                case _:
                    continue
    return held
