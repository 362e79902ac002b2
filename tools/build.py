"""`di2pose build`: TensorRT plans of the graphs that the live line runs, with a sidecar each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from engine.blazepose.networks import detector_onnx
from engine.build.build_error import BuildError
from engine.build.build_options import BuildOptions, parse_frame, parse_pools, parse_target
from engine.build.builder import library_to_build
from engine.build.evidence import people_in
from engine.build.graphs import GRAPHS, KNOWN, graph_named, in_order
from engine.build.judge import Judge
from engine.build.plan import BuiltPlan, PlanJob, build_plan, rehearse
from engine.build.precision import Precision
from engine.build.shapes import ShapeOptions, parse_shapes, shared_out
from engine.runtime.plan_choice import engines_dir
from engine.runtime.tensorrt_library import Library
from realtime.spread_pictures import pictures_between, spread_pictures
from tools.build_choices import FRAME_HELP, PRECISION_HELP, SHAPES_HELP, Hardware, LibraryName, Offered
from tools.build_report import build_bar, built_line, inspected, rehearsal_line, write_report


def build(
    library: Annotated[LibraryName | None, typer.Option(help="What builds the plans and later runs them.")] = None,
    precision: Annotated[Offered, typer.Option(help=PRECISION_HELP)] = Offered.FP32,
    out: Annotated[
        Path | None, typer.Option(help="Directory for plans and sidecars; default: where the line looks for them.")
    ] = None,
    graph: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(KNOWN)}; default: {', '.join(GRAPHS)}. Repeatable.")
    ] = None,
    frame: Annotated[str | None, typer.Option(help=FRAME_HELP)] = None,
    live_graph: Annotated[Path | None, typer.Option(help="The live model's ONNX file, of `export onnx`.")] = None,
    compute_capabilities: Annotated[
        str | None, typer.Option("--computeCapabilities", help="tensorrt-rtx: GPU generation such as sm86, or current.")
    ] = None,
    min_shapes: Annotated[str, typer.Option("--minShapes", help=SHAPES_HELP)] = "",
    opt_shapes: Annotated[str, typer.Option("--optShapes", help=SHAPES_HELP)] = "",
    max_shapes: Annotated[str, typer.Option("--maxShapes", help=SHAPES_HELP)] = "",
    mem_pool_size: Annotated[
        str | None, typer.Option("--memPoolSize", help="workspace:512 (MiB): the most that one layer may use.")
    ] = None,
    timing_cache_file: Annotated[
        Path | None, typer.Option("--timingCacheFile", help="tensorrt: read and written, makes later builds faster.")
    ] = None,
    version_compatible: Annotated[
        bool, typer.Option("--versionCompatible", help="tensorrt: later releases may load the plan.")
    ] = False,
    hardware: Annotated[
        Hardware, typer.Option("--hardwareCompatibilityLevel", help="tensorrt: which other GPUs may load it.")
    ] = Hardware.NONE,
    crops: Annotated[str, typer.Option(help="Recording with people that parity is measured on.")] = "demo",
    parity_mean_mm: Annotated[float, typer.Option(min=0, help="Mean joint difference allowed.")] = 1.0,
    parity_worst_mm: Annotated[float, typer.Option(min=0, help="Worst joint difference allowed.")] = 10.0,
    json: Annotated[Path | None, typer.Option(help="Also write what was built to this file; `-` prints it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, build and write nothing.")] = False,
    inspect: Annotated[Path | None, typer.Option(help="Print a plan's sidecar and whether it may be loaded.")] = None,
) -> int:
    """Build engines for an NVIDIA GPU, each judged in millimetres against single precision first; docs/engines.md."""
    if inspect is not None:
        return inspected(inspect)
    if library is None:
        raise BuildError("name the library: di2pose build --library tensorrt-rtx")
    directory = out or engines_dir()
    options = BuildOptions(
        library=str(library),
        target=None if compute_capabilities is None else parse_target(compute_capabilities),
        workspace_bytes=None if mem_pool_size is None else parse_pools(mem_pool_size),
        timing_cache=timing_cache_file,
        version_compatible=version_compatible,
        hardware=hardware.value,
    )
    used = library_to_build(options)
    asked = ShapeOptions(
        parse_shapes(min_shapes, "--minShapes"),
        parse_shapes(opt_shapes, "--optShapes"),
        parse_shapes(max_shapes, "--maxShapes"),
    )
    frame_wh = None if frame is None else parse_frame(frame)
    graphs = [graph_named(name, live_graph=live_graph) for name in in_order(graph, frame_wh)]
    shapes = shared_out(asked, [each.inputs for each in graphs])
    jobs = [
        PlanJob(each, f"{each.path.stem}-{each.sha256[:16]}", Precision(precision.value), options, share)
        for each, share in zip(graphs, shapes, strict=True)
    ]
    for job in jobs:
        ranges = rehearse(job, used)
        if dry_run:
            typer.echo(rehearsal_line(job, ranges, directory))
    if dry_run:
        return 0
    judge = Judge(
        lambda: people_in(spread_pictures(crops), detector_onnx()),
        (parity_mean_mm, parity_worst_mm),
        lambda: (crops, people_in(pictures_between(crops), detector_onnx())),
    )
    built = [_built(job, used, judge, directory=directory) for job in jobs]
    if json is not None:
        write_report(json, built)
    return 0


def _built(job: PlanJob, library: Library, judge: Judge, *, directory: Path) -> tuple[BuiltPlan, float]:
    judged = judge.typed(job)
    begun_s = time.monotonic()
    with build_bar(job.graph.name) as report:
        built = build_plan(job, judged, library, directory=directory, report=report)
    spent_s = time.monotonic() - begun_s
    typer.echo(built_line(built, spent_s), err=True)
    return built, spent_s
