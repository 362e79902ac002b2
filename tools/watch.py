"""`di2pose watch`: what a publisher sends, as a table that renews itself or as lines of JSON."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from realtime import topics
from realtime.announcements import Percentiles
from realtime.codec import MESSAGES, Message, json_of
from realtime.message import PersonMessage
from realtime.reception import Reception, listened
from realtime.subscriber import CurveClient, Reader, SubscribeError, every

REDRAW_S = 0.1


def watch(
    connect: Annotated[str, typer.Option(help="Where the publisher is.")] = topics.DEFAULT_ADDRESS,
    stream_id: Annotated[str, typer.Option(help="Which stream.")] = topics.DEFAULT_STREAM_ID,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON per message instead of a table.")] = False,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so many seconds.")] = None,
    server_key: Annotated[Path | None, typer.Option(help="Public CURVE key of a publisher that encrypts.")] = None,
    curve_key: Annotated[Path | None, typer.Option(help="Your secret CURVE key, where it asks for one.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="At the end, print what was received.")] = False,
) -> None:
    """Show who is in the stream, how often, how late, and what was lost. Ctrl-C ends it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reception = Reception()
    curve = None if server_key is None else CurveClient(server_key, curve_key)
    try:
        with every(MESSAGES, connect, stream_id=stream_id, curve=curve) as reader:
            show = _lines if json else _table
            with contextlib.suppress(KeyboardInterrupt):
                show(reader, reception, frames=frames, seconds=seconds)
            if summary:
                print("\n".join(reception.summary(reader).lines()), file=sys.stderr if json else sys.stdout, flush=True)
    except SubscribeError as error:
        _fail(str(error))
    except BrokenPipeError:  # whoever read our output has gone: nothing is left to do, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if seconds is not None and reception.frames < (frames or 1):
        _fail(f"{reception.frames} frames came from {connect} in {seconds:g} s: is `di2pose live` running there?")


def _lines(reader: Reader[Message], reception: Reception, *, frames: int | None, seconds: float | None) -> None:
    told = False
    for received in listened(reader, frames=frames, seconds=seconds):
        if received is not None:
            reception.add(received)
            sys.stdout.buffer.write(json_of(received.message) + b"\n")
            sys.stdout.buffer.flush()
        elif reception.is_silent() and not told:
            print(f"waiting for a publisher at {reader.connect}", file=sys.stderr, flush=True)
            told = True


def _table(reader: Reader[Message], reception: Reception, *, frames: int | None, seconds: float | None) -> None:
    console = Console()
    drawn_s = 0.0
    with Live(_view(reader, reception), console=console, auto_refresh=False, transient=not console.is_terminal) as live:
        for received in listened(reader, frames=frames, seconds=seconds, tick_s=REDRAW_S):
            if received is not None:
                reception.add(received)
            if time.monotonic() - drawn_s >= REDRAW_S:
                live.update(_view(reader, reception), refresh=console.is_terminal)
                drawn_s = time.monotonic()
        live.update(_view(reader, reception), refresh=console.is_terminal)


def _view(reader: Reader[Message], reception: Reception) -> Group:
    if reception.pose is None or reception.is_silent():
        return Group(Text(f"waiting for a publisher at {reader.connect} (stream {reader.stream_id}), Ctrl-C ends"))
    pose, health = reception.pose, reception.health
    facts = [
        f"frame {pose.frame_index}   {reception.rate_hz():.1f} per second   {pose.estimator}, {pose.intrinsics.source}",
        f"capture to receive  {_ms(reception.latency_ms())}",
        f"drops {pose.drops} at the source, {reader.lost} on the way, {reader.malformed} malformed",
    ]
    if health is not None:
        facts.append(f"capture to publish  {_ms(health.capture_to_publish_ms)}   source {health.source_state}")
    if reception.status is not None:
        facts.append(f"{reception.status.event}: {reception.status.text}")
    return Group(_people(pose.persons), *map(Text, facts))


def _people(persons: Sequence[PersonMessage]) -> Table:
    table = Table("person", "state", "score", "x y z (m)", "confidence", "hidden joints")
    for person in persons:
        place = " ".join(f"{metres:.2f}" for metres in person.root_mm / 1000)
        row = (f"{person.score:.2f}", place, f"{person.confidence.mean():.2f}", f"{person.hidden.sum()}")
        table.add_row(str(person.id), person.state, *row)
    return table


def _ms(times: Percentiles) -> str:
    if times.p50 is None:
        return "unknown"
    return f"p50 {times.p50:.1f}  p95 {times.p95:.1f}  p99 {times.p99:.1f} ms"


def _fail(text: str) -> None:
    print(f"di2pose watch: {text}", file=sys.stderr)
    raise typer.Exit(1)
