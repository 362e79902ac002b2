"""Which plan of a folder Triton may serve for a graph: one of TensorRT, as it loads none of TensorRT for RTX."""

from __future__ import annotations

import shlex
from pathlib import Path

from engine.blazepose.cache import sha256_of
from engine.build.onnx_file import OnnxGraph
from engine.runtime.plan_card import PlanCard, PlanError, read_card


def plan_to_serve(directory: Path, graph: OnnxGraph, *, max_batch: int) -> tuple[Path, PlanCard]:
    """The one plan of this graph in the folder, with its card, where everything fits.

    The plan is not loaded: whether the server's GPU and TensorRT are those of the card shows on the server.
    max_batch: rows that the server may put into one run. PlanError names the mismatch and the command that mends it.
    """
    plan = _only_plan(directory, graph)
    card = read_card(plan)
    for reason, cure in (
        _foreign(card),
        _changed(plan, card),
        _of_another(card, graph),
        _too_small(card, graph, max_batch),
    ):
        if reason:
            raise PlanError(f"{plan}: {reason}. {cure or f'Build it again: {_build_command(graph, directory)}'}")
    return plan, card


Mismatch = tuple[str | None, str | None]
"""What is wrong, and the cure where it is another than building the plan again; twice None where nothing is."""


def _only_plan(directory: Path, graph: OnnxGraph) -> Path:
    found = sorted(directory.glob(f"{graph.name}.*.plan"))
    if not found:
        raise PlanError(
            f"{directory} holds no plan {graph.name}.*.plan; build it: {_build_command(graph, directory)}, "
            f"or leave the graph out by naming the others with --graph"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise PlanError(f"{directory} holds several plans of {graph.name} ({names}); leave one there to say which")
    return found[0]


def _foreign(card: PlanCard) -> Mismatch:
    if card.library == "tensorrt":
        return None, None
    return f"it is a plan of {card.library}, and Triton's tensorrt_plan loads plans of tensorrt only", None


def _changed(plan: Path, card: PlanCard) -> Mismatch:
    found = sha256_of(plan)
    if found == card.plan_sha256:
        return None, None
    return (
        f"the file is not the one that was built (sha256 {found[:12]}, its sidecar says {card.plan_sha256[:12]})",
        None,
    )


def _of_another(card: PlanCard, graph: OnnxGraph) -> Mismatch:
    if card.graph == graph.name and card.onnx_sha256 == graph.sha256:
        return None, None
    return (
        f"it was built of another graph ({card.graph}, {card.onnx_file}, sha256 {card.onnx_sha256[:12]}) than "
        f"{graph.name} ({graph.path.name}, {graph.sha256[:12]})",
        None,
    )


def _too_small(card: PlanCard, graph: OnnxGraph, max_batch: int) -> Mismatch:
    counted = {entry.name for entry in graph.inputs if entry.is_open}
    rows = [(entry.min[0], entry.max[0]) for entry in card.shapes if entry.name in counted]
    fewest, most = max(low for low, _ in rows), min(high for _, high in rows)
    if fewest > 1:
        return f"it takes no fewer than {fewest} rows, and a line asks for one person or picture as well", None
    if most < max_batch:
        return (
            f"it takes at most {most} rows, and --max-batch asks for {max_batch}",
            f"Give --max-batch {most}, or build it again with --maxShapes",
        )
    return None, None


def _build_command(graph: OnnxGraph, directory: Path) -> str:
    return shlex.join(["di2pose", "build", "--library", "tensorrt", "--graph", graph.name, "--out", str(directory)])
