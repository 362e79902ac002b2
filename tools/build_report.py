"""What `di2pose build` says of plans: on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import typer

from engine.build.build_progress import BuildProgress, Report
from engine.build.plan import BuiltPlan, PlanJob
from engine.runtime.backend import BackendError
from engine.runtime.gpu import gpu_here
from engine.runtime.plan_card import PlanCard, PlanError, ShapeRange, read_card
from engine.runtime.plan_inspection import with_layers_inspected
from engine.runtime.preflight import check_plan
from engine.runtime.tensorrt_library import LibraryMissingError, installed_library


@contextmanager
def build_bar(name: str) -> Iterator[Report]:
    """Phase, share of the library's steps and time left; nothing without a terminal."""
    from rich.progress import Progress as Bar

    with Bar(transient=True) as bar:
        task = bar.add_task(name, total=1.0)

        def show(progress: BuildProgress) -> None:
            left = "" if progress.left_s is None else f", about {progress.left_s:.0f} s left"
            bar.update(task, description=f"{name}: {progress.phase[:40]}{left}", completed=progress.fraction)

        yield show


def rehearsal_line(job: PlanJob, ranges: Sequence[ShapeRange], directory: Path) -> str:
    """One graph of a dry run."""
    shapes = ", ".join(f"{entry.name} {_sizes(entry)}" for entry in ranges)
    return f"{job.plan_path(directory)}: would be built of {job.graph.path.name} ({shapes})"


def built_line(built: BuiltPlan, build_s: float) -> str:
    card = built.card
    narrow = f"{card.precision.narrow_operations} of {card.precision.operations} operations in half precision"
    if card.precision.calibration is not None:
        narrow += f", {card.precision.calibration.multiply_adds_share:.0%} of multiply-adds in {card.precision.asked}"
    judged = "; ".join(
        f"{each.name} mean {each.mean:.2f} {each.unit}, worst {each.worst:.2f}" for each in card.cpu_parity
    )
    return f"{built.path}: {built.size / 1e6:.1f} MB in {build_s:.1f} s, {narrow}{', ' + judged if judged else ''}"


def write_report(file: Path, built: Sequence[tuple[BuiltPlan, float]]) -> None:
    """Every plan with its card, size and build time; `-` prints."""
    rows = [
        {
            "plan": str(plan.path),
            "bytes": plan.size,
            "build_s": round(seconds, 3),
            "card": msgspec.to_builtins(plan.card),
        }
        for plan, seconds in built
    ]
    text = json.dumps(rows, indent=1)
    typer.echo(text) if str(file) == "-" else file.write_text(text + "\n", encoding="utf-8")


def inspected(plan: Path) -> int:
    """Prints the sidecar and what the preflight says of it here; 1 where the plan must not be loaded.

    Where it may be and nobody has looked into it yet, its layers are inspected first, and the sidecar tells of them.
    """
    card, refusal = read_card(plan), None
    try:
        library = installed_library(card.library)
        check_plan(plan, library, gpu=gpu_here())
        card = card if card.precision.found is not None else with_layers_inspected(plan, library)
    except (PlanError, LibraryMissingError, BackendError) as error:
        refusal = error
    typer.echo(msgspec.json.format(msgspec.json.encode(card), indent=1).decode())
    if refusal is not None:
        typer.echo(f"not to be loaded here: {refusal}")
        return 1
    typer.echo(f"may be loaded here; parity on the GPU: {_parity(card)}")
    return 0


def _parity(card: PlanCard) -> str:
    return "pending" if card.parity == "pending" else "measured"


def _sizes(entry: ShapeRange) -> str:
    smallest, largest = ("x".join(map(str, shape)) for shape in (entry.min, entry.max))
    return smallest if smallest == largest else f"{smallest} to {largest}"
