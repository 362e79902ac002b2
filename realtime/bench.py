"""How fast the line is on this machine, at three levels: networks alone, frame to poses, capture to a subscriber."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from engine.runtime.networks import Networks
from realtime.announcements import Percentiles
from realtime.bench_error import BenchError
from realtime.codec import MESSAGES
from realtime.config import LineConfig
from realtime.engine_bench import EngineTimes, engine_times
from realtime.live import LiveLoop
from realtime.message import LineFacts
from realtime.parts import camera_choice, live_parts
from realtime.pipeline_bench import PipelineTimes, pipeline_times
from realtime.priority import step_back
from realtime.publisher import Publisher
from realtime.reception import Reception, Summary, listened
from realtime.sources import SourceOptions, open_source
from realtime.subscriber import every

ANY_PORT = "tcp://127.0.0.1:0"
_READER_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class BenchResult:
    source: str
    image_wh: tuple[int, int]
    estimator: str
    threads: int
    frames: int
    load_s: float
    """Networks loaded and run once, the publisher bound."""
    frames_per_s: float
    """Decode to publish, one frame after the other, without a window."""
    stage_ms: dict[str, Percentiles]
    capture_to_publish_ms: Percentiles
    publish_to_receive_ms: Percentiles | None
    """None without a subscriber."""
    received: int
    backends: dict[str, str]
    """What ran each graph and where."""
    engines: tuple[EngineTimes, ...]
    """First level: each graph alone; empty where it was not asked for."""
    pipeline: PipelineTimes | None
    """Second level; None where it was not asked for."""
    capture_to_receive_ms: Percentiles | None
    """Third level: from a frame's birth to the subscriber's having it; None without a subscriber."""


def measured(
    source: str,
    *,
    frames: int,
    estimator: str,
    config: LineConfig,
    networks: Networks,
    listen: bool,
    engine_runs: int = 0,
) -> BenchResult:
    """Run `frames` frames of a file (looped) as fast as they go; `listen`: to a subscriber in a process of its own.

    engine_runs: how often each graph runs alone; 0 leaves the first two levels out.
    """
    engines = engine_times(estimator, config, networks, runs=engine_runs) if engine_runs else []
    pipeline = pipeline_times(source, frames, estimator, config=config, networks=networks) if engine_runs else None
    pictures = open_source(source, SourceOptions(loop=True, pace="max"))
    begun_ns = time.monotonic_ns()
    with (
        Publisher(ANY_PORT) as publisher,
        _Reader(publisher) if listen else nullcontext() as reader,
        _stepped_back(),
        live_parts(estimator, config, camera_of=camera_choice(), networks=networks) as parts,
        pictures,
    ):
        load_s = (time.monotonic_ns() - begun_ns) * 1e-9 - (reader.start_s if reader else 0.0)
        facts = LineFacts(parts.estimator.name, parts.estimator.weights, config.smoothing.enabled)
        loop = LiveLoop(source=pictures, parts=parts, publisher=publisher, viewer=None, facts=facts)
        began_ns = time.monotonic_ns()
        loop.run(threading.Event(), max_frames=frames)
        spent_s = (time.monotonic_ns() - began_ns) * 1e-9
        health = loop.health.message()
        summary = reader.summary() if reader else None
        return BenchResult(
            source=pictures.name,
            image_wh=pictures.size_wh,
            estimator=parts.estimator.name,
            threads=config.threads,
            frames=loop.frames,
            load_s=load_s,
            frames_per_s=loop.frames / spent_s,
            stage_ms=health.stage_ms,
            capture_to_publish_ms=health.capture_to_publish_ms,
            publish_to_receive_ms=summary.publish_to_receive_ms if summary else None,
            received=summary.frames if summary else 0,
            backends=dict(networks.in_use),
            engines=tuple(engines),
            pipeline=pipeline,
            capture_to_receive_ms=summary.capture_to_receive_ms if summary else None,
        )


def _stepped_back() -> nullcontext[None]:
    """As `di2pose live` does it: after the publisher is open and before the networks are loaded."""
    step_back()
    return nullcontext()


class _Reader:
    """A subscriber in a process of its own; ready once entered."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_read_until_told, args=(publisher.address, theirs), daemon=True)
        self.start_s = 0.0

    def __enter__(self) -> _Reader:
        begun_ns = time.monotonic_ns()
        self._process.start()
        while not self._ours.poll(0.1):
            self._publisher.beat()
            if time.monotonic_ns() - begun_ns > _READER_PATIENCE_S * 1e9:
                raise BenchError(f"the subscriber process did not start within {_READER_PATIENCE_S:g} s")
        self._ours.recv_bytes()
        self.start_s = (time.monotonic_ns() - begun_ns) * 1e-9
        return self

    def summary(self) -> Summary:
        """Tell the reader to stop; what it has received."""
        self._ours.send_bytes(b"stop")
        if not self._ours.poll(_READER_PATIENCE_S):
            raise BenchError("the subscriber process did not answer")
        answer: Summary = self._ours.recv()
        return answer

    def __exit__(self, *_error: Any) -> None:
        self._process.terminate()
        self._process.join(_READER_PATIENCE_S)


def _read_until_told(address: str, pipe: Connection) -> None:
    reception = Reception()
    with every(MESSAGES, address) as reader:
        reader.read(_READER_PATIENCE_S)
        pipe.send_bytes(b"ready")
        for received in listened(reader, tick_s=0.05):
            if received is not None:
                reception.add(received)
            elif pipe.poll():
                pipe.send(reception.summary(reader))
                return
