"""`di2pose bench`: how fast the line is on this machine."""

from __future__ import annotations

import dataclasses
import json as json_format
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from realtime.announcements import Percentiles
from realtime.bench import BenchResult, measured
from tools.line_options import DEFAULT_ESTIMATOR, ConfigOption, EstimatorOption, settings


def bench(
    source: Annotated[str, typer.Option(help="Video file, image directory, or `demo`.")] = "demo",
    frames: Annotated[int, typer.Option(min=10, help="How many frames; the source is looped.")] = 360,
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of one network run.")] = None,
    config: ConfigOption = None,
    listen: Annotated[bool, typer.Option(help="With a subscriber in a second process.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file; `-` prints them.")] = None,
) -> None:
    """Run a clip through the whole line as fast as it goes, from decoding to publishing.

    Figures depend on what else the machine does: compare only runs that were made side by side.
    """
    chosen = settings(config)
    chosen = chosen if threads is None else dataclasses.replace(chosen, threads=threads)
    result = measured(source, frames=frames, estimator=estimator, config=chosen, listen=listen)
    if json is not None:
        text = json_format.dumps(msgspec.to_builtins(result), indent=1)
        typer.echo(text) if str(json) == "-" else json.write_text(text + "\n", encoding="utf-8")
    if str(json) != "-":
        Console().print(_table(result))


def _table(result: BenchResult) -> Table:
    size = "x".join(map(str, result.image_wh))
    table = Table("stage", "p50 ms", "p95 ms", "p99 ms", title=f"{result.source} {size}, {result.estimator}")
    for name, spent in result.stage_ms.items():
        _row(table, name, spent)
    table.add_section()
    _row(table, "capture to publish", result.capture_to_publish_ms)
    heard = ""
    if result.publish_to_receive_ms is not None:
        _row(table, "publish to receive", result.publish_to_receive_ms)
        heard = f", {result.received} received"
    table.caption = (
        f"{result.frames_per_s:.1f} frames/s over {result.frames} frames{heard}; "
        f"networks ready in {result.load_s:.2f} s"
    )
    return table


def _row(table: Table, name: str, spent: Percentiles) -> None:
    table.add_row(name, *(("-" if value is None else f"{value:.2f}") for value in (spent.p50, spent.p95, spent.p99)))
