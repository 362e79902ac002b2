"""The gate on the GPU: a loaded plan compared with its fp32 graph in onnxruntime, kept in the plan's sidecar.

The gate before the build judges the graph on a CPU; only this one judges the plan: kernels, sums in another order,
buffers and CUDA graphs. Everybody together is one run, everybody alone are several of one shape, each with another
person: a graph that replays old buffers gives itself away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.build.evidence import Evidence
from engine.build.graphs import gate_inputs
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.parity import Measure, ParityGate, measures_of
from engine.runtime.backend import Backend
from engine.runtime.plan_card import PlanCard, write_card

log = logging.getLogger(__name__)

Inputs = dict[str, NDArray[np.float32]]


def compared_on_gpu(
    backend: Backend, card: PlanCard, plan: Path, *, graph_file: Path, evidence_of: Callable[[], Evidence]
) -> PlanCard:
    """The card with what was measured, also written beside the plan where that directory can be written.

    backend: runs the plan. BuildError where the graph or the evidence cannot be had, BackendError where a run fails.
    """
    graph = read_onnx(graph_file, card.graph)
    evidence = evidence_of()
    least = max((entry.min[0] for entry in card.shapes if entry.min != entry.max), default=1)
    inputs = _whole_groups(graph, gate_inputs(graph, evidence), least)
    gate = ParityGate(graph, inputs, limits_of(card))
    together = gate.compared(_kept(backend.run(inputs)))
    apart = gate.compared(_group_by_group(backend, graph, inputs, least=least))
    named = [structs.replace(each, name=f"{each.name} one by one") for each in apart]
    judged = structs.replace(card, parity=(*together, *named)).sealed()
    try:
        write_card(plan, judged)
    except OSError as error:
        log.warning("%s: its comparison cannot be kept (%s) and is made again at the next start", plan.name, error)
    return judged


def limits_of(card: PlanCard) -> tuple[Measure, ...]:
    """The limits in millimetres that the plan was built under; the usual ones where it is fp32."""
    in_mm = [entry for entry in card.cpu_parity if entry.unit == "mm"]
    if not in_mm:
        return measures_of(card.graph)
    return measures_of(card.graph, mean_mm=in_mm[0].mean_limit, worst_mm=in_mm[0].worst_limit)


def _whole_groups(graph: OnnxGraph, inputs: Inputs, least: int) -> Inputs:
    """People repeated until they fill groups of the smallest batch that the plan takes."""
    people = _people(graph, inputs)
    rows = np.arange(-(-people // least) * least) % people
    return {name: array[rows] if name in _open(graph) else array for name, array in inputs.items()}


def _group_by_group(backend: Backend, graph: OnnxGraph, inputs: Inputs, *, least: int) -> dict[str, NDArray[Any]]:
    runs = []
    for begin in range(0, _people(graph, inputs), least):
        rows = slice(begin, begin + least)
        part = {name: array[rows] if name in _open(graph) else array for name, array in inputs.items()}
        runs.append(_kept(backend.run(part)))
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def _kept(outputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A backend's outputs are valid until its next run only."""
    return {name: array.copy() for name, array in outputs.items()}


def _open(graph: OnnxGraph) -> frozenset[str]:
    return frozenset(entry.name for entry in graph.inputs if entry.is_open)


def _people(graph: OnnxGraph, inputs: Inputs) -> int:
    return max((len(inputs[name]) for name in _open(graph)), default=1)
