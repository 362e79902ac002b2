"""One worker process: opens its own source, makes whole shards, and reports over a pipe."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from training.data_error import DataError
from training.synthetic.clock import StageTime
from training.synthetic.opening import Opening, TimedSource, WindowedSource
from training.synthetic.recipe import Recipe
from training.synthetic.scene import Crop
from training.synthetic.shard_form import ShardForm, WriteShard
from training.synthetic.shards import Shard

log = logging.getLogger(__name__)

_REPORT_EVERY_S = 0.5
_PAGE_MB = resource.getpagesize() / 2**20


@dataclass(frozen=True, slots=True)
class Ready:
    made_with: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """So many crops of the shard in progress are finished."""

    crops: int


@dataclass(frozen=True, slots=True)
class Finished:
    shard: Shard
    times: tuple[StageTime, ...]
    memory_mb: float
    """Resident memory of the worker after this shard."""


@dataclass(frozen=True, slots=True)
class Failed:
    text: str
    trace: str
    """Empty where the text says all: bad data, full disk."""


Report = Ready | Made | Finished | Failed


def work(pipe: Connection, opening: Opening, *, recipe: Recipe, out: Path, form: ShardForm) -> None:
    """Make the shards whose numbers come over the pipe, until None comes. The body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides
    cv2.setNumThreads(1)  # the other cores have workers of their own
    os.environ.setdefault("LP_NUM_THREADS", "0")  # Mesa's software rasteriser too; read when the context is made
    try:
        with opening() as source, form.writer() as write:
            pipe.send(Ready((*_made_with(source.renderer), *form.made_with().items())))
            shown = source if recipe.window_wh is None else WindowedSource(source, recipe.window_wh)
            while (number := pipe.recv()) is not None:
                pipe.send(_shard(pipe, shown, write, out / form.name(number), recipe.numbers_of(number)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        log.debug("the parent is gone")
    except Exception as error:
        with suppress(BrokenPipeError):  # the parent is gone: nobody to tell
            pipe.send(_failed(error))


def _failed(error: Exception) -> Failed:
    """In the words of its error where those are meant for the user, else with its traceback."""
    if isinstance(error, (DataError, OSError)):
        return Failed(str(error), "")
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] != "training":
        return Failed(f"{error.name} is not installed: pip install 'di2pose[data]'", "")
    return Failed(repr(error), traceback.format_exc())


def _shard(pipe: Connection, source: TimedSource, write: WriteShard, path: Path, numbers: range) -> Finished:
    source.clock.restart()
    shard = write(path, _crops(pipe, source, numbers), first=numbers[0], clock=source.clock)
    return Finished(shard, source.clock.times(), memory_mb())


def _crops(pipe: Connection, source: TimedSource, numbers: range) -> Iterator[Crop]:
    reported_s = time.monotonic()
    for done, number in enumerate(numbers):
        with source.clock.stage("rest"):  # what the source's own stages inside leave over
            crop = source.crop(number)
        yield crop
        if time.monotonic() - reported_s > _REPORT_EVERY_S:
            pipe.send(Made(done + 1))
            reported_s = time.monotonic()


def memory_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB


def _made_with(renderer: str) -> tuple[tuple[str, str], ...]:
    try:
        moderngl = importlib.metadata.version("moderngl")
    except importlib.metadata.PackageNotFoundError:
        moderngl = "none"
    return (
        ("numpy", np.__version__), ("opencv", cv2.__version__), ("moderngl", moderngl), ("gl_renderer", renderer),
    )  # fmt: skip
