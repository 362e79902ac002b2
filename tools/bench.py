"""`di2pose bench`: how fast the line is on this machine."""

from __future__ import annotations

import dataclasses
import json as json_format
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from realtime.announcements import Percentiles
from realtime.bench import BenchResult, measured
from tools.backend_options import (
    DEFAULT_BACKEND,
    BackendOption,
    CudaGraphsOption,
    DeviceOption,
    EnginesOption,
    TritonOption,
    networks_asked,
)
from tools.line_options import DEFAULT_ESTIMATOR, ConfigOption, EstimatorOption, settings


def bench(
    source: Annotated[str, typer.Option(help="Video file, image directory, or `demo`.")] = "demo",
    frames: Annotated[int, typer.Option(min=10, help="How many frames; the source is looped.")] = 360,
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    backend: BackendOption = DEFAULT_BACKEND,
    device: DeviceOption = None,
    engines: EnginesOption = None,
    triton_url: TritonOption = None,
    cuda_graphs: CudaGraphsOption = True,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of one network run.")] = None,
    config: ConfigOption = None,
    engine_runs: Annotated[
        int, typer.Option(min=0, help="Runs of each network alone; 0 leaves out networks alone and frame to poses.")
    ] = 50,
    listen: Annotated[bool, typer.Option(help="With a subscriber in a second process.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file; `-` prints them.")] = None,
) -> None:
    """Measure networks alone, then frame to poses, then a clip through the whole line from decoding to a subscriber.

    Figures depend on what else the machine does: compare only runs that were made side by side.
    """
    chosen = settings(config)
    chosen = chosen if threads is None else dataclasses.replace(chosen, threads=threads)
    result = measured(
        source,
        frames=frames,
        estimator=estimator,
        config=chosen,
        networks=networks_asked(backend, device, engines, cuda_graphs=cuda_graphs, triton_url=triton_url),
        listen=listen,
        engine_runs=engine_runs,
    )
    if json is not None:
        text = json_format.dumps(msgspec.to_builtins(result), indent=1)
        typer.echo(text) if str(json) == "-" else json.write_text(text + "\n", encoding="utf-8")
    if str(json) != "-":
        console = Console()
        for table in (*_levels(result), _table(result)):
            console.print(table)


def _levels(result: BenchResult) -> Iterator[Table]:
    """The two levels below the whole line."""
    if result.engines:
        table = Table("network", "runs on", "persons", "p50 ms", "p95 ms", "p99 ms", title="each network alone")
        for engine in result.engines:
            _row(table, engine.graph, engine.ms, engine.backend, str(engine.persons))
        yield table
    if result.pipeline is not None:
        frames = f"{result.pipeline.frames} frames in memory, {result.pipeline.persons:.1f} persons each"
        table = Table("stage", "p50 ms", "p95 ms", "p99 ms", title=f"frame to poses, {frames}")
        for name, spent in result.pipeline.stage_ms.items():
            _row(table, name, spent)
        table.add_section()
        _row(table, "frame to poses", result.pipeline.total_ms)
        yield table


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
    if result.capture_to_receive_ms is not None:
        _row(table, "capture to receive", result.capture_to_receive_ms)
    table.caption = (
        f"{result.frames_per_s:.1f} frames/s over {result.frames} frames{heard}; "
        f"networks ready in {result.load_s:.2f} s"
    )
    return table


def _row(table: Table, name: str, spent: Percentiles, *facts: str) -> None:
    shown = [("-" if value is None else f"{value:.2f}") for value in (spent.p50, spent.p95, spent.p99)]
    table.add_row(name, *facts, *shown)
