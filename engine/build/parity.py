"""The gate: how far a graph in its new precision moves what it finds, in millimetres (or pixels where it finds those).

The fp32 graph and the converted one run in onnxruntime on the CPU on the same people; the converted one through
`engine.build.rounding`, since onnxruntime's own run of a half-precision graph looks ten times better than half
precision is (docs/engines.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from msgspec import structs
from numpy.typing import NDArray

from engine.blazepose.landmarks import BODY_POINTS, POINTS
from engine.build.build_error import BuildError, ParityError
from engine.build.onnx_file import OnnxGraph
from engine.build.precision import Precision
from engine.build.rounding import rounding_in_single
from engine.runtime.fused_inputs import POINTS_PX, WORLD_M
from engine.runtime.graph_name import LANDMARK_FULL, kind_of
from engine.runtime.plan_card import ParityCard

Outputs = Mapping[str, NDArray[Any]]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that a graph finds, and how far it may move."""

    name: str
    unit: str
    mean_limit: float
    worst_limit: float
    points: Callable[[Outputs, Outputs], F32]
    """(outputs, outputs of the fp32 graph) -> (person, point, axis) in `unit`."""


def _world_mm(found: Outputs, _: Outputs) -> F32:
    return np.asarray(found["world"].reshape(-1, POINTS, 3)[:, :BODY_POINTS] * 1000)


def _fused_world_mm(found: Outputs, _: Outputs) -> F32:
    return np.asarray(found[WORLD_M][:, :BODY_POINTS] * 1000)


def _image_px(found: Outputs, _: Outputs) -> F32:
    return np.asarray(found["landmarks"].reshape(-1, POINTS, 5)[:, :BODY_POINTS, :2])


def _read_px(found: Outputs, _: Outputs) -> F32:
    """Image points as the fused graph reads them: refined by the heatmap."""
    return np.asarray(found[POINTS_PX][:, :BODY_POINTS])


def _joints_mm(found: Outputs, _: Outputs) -> F32:
    return np.asarray(found["joints_mm"])


def _best_box_px(found: Outputs, reference: Outputs) -> F32:
    """Face and key points of the anchor that the fp32 graph trusts most."""
    best = reference["scores"][:, :, 0].argmax(axis=1)
    return np.asarray(found["boxes"][np.arange(len(best)), best].reshape(-1, 6, 2))


def measures_of(graph: str, *, mean_mm: float = 1.0, worst_mm: float = 10.0) -> tuple[Measure, ...]:
    """What is compared of `detector`, `landmark`, `landmark_full`, `live` or `fused`, which may take crops or frames.

    Pixels are those of the networks' own pictures. BuildError for another name.
    """
    landmarks = (
        Measure("world landmarks", "mm", mean_mm, worst_mm, _world_mm),
        Measure("image points", "px", 0.5, 4.0, _image_px),
    )
    known = {
        "detector": (Measure("key points", "px", 1.0, 4.0, _best_box_px),),
        "landmark": landmarks,
        LANDMARK_FULL: landmarks,
        "live": (Measure("joints", "mm", mean_mm, worst_mm, _joints_mm),),
        "fused": (
            Measure("joints", "mm", mean_mm, worst_mm, _joints_mm),
            Measure("world landmarks", "mm", mean_mm, worst_mm, _fused_world_mm),
            Measure("image points", "px", 0.5, 4.0, _read_px),
        ),
    }
    kind = kind_of(graph)
    if kind not in known:
        raise BuildError(f"there is no parity measure for a graph called {graph!r}; there are {', '.join(known)}")
    return known[kind]


class ParityGate:
    """Judges versions of one graph on the same people. Runs the fp32 graph once, when it is made."""

    def __init__(self, graph: OnnxGraph, inputs: Mapping[str, F32], measures: Sequence[Measure]) -> None:
        self.graph = graph
        self._inputs = inputs
        self._measures = measures
        self._reference = outputs_of(graph.model, inputs)

    def on(self, inputs: Mapping[str, F32]) -> ParityGate:
        """The same graph and limits on other people."""
        return ParityGate(self.graph, inputs, self._measures)

    def differences(
        self, model: onnx.ModelProto, precision: Precision, *, inputs: Mapping[str, F32] | None = None
    ) -> tuple[ParityCard, ...]:
        """model: a graph of `converted` in this precision. inputs: others than the fp32 graph has got."""
        return self.compared(
            outputs_of(rounding_in_single(model, precision), self._inputs if inputs is None else inputs)
        )

    def compared(self, found: Outputs) -> tuple[ParityCard, ...]:
        """found: what another form of the graph makes of the same inputs."""
        return tuple(self._difference(measure, found) for measure in self._measures)

    def judged(
        self,
        model: onnx.ModelProto,
        precision: Precision,
        *,
        inputs: Mapping[str, F32] | None = None,
        through: str = "",
    ) -> tuple[ParityCard, ...]:
        """`differences` that all hold, else ParityError: which graph, how far, and which precision to try.

        through: what made the `inputs`, for the names of the differences.
        """
        found = self.differences(model, precision, inputs=inputs)
        differences = tuple(structs.replace(each, name=f"{each.name} {through}".strip()) for each in found)
        broken = [difference for difference in differences if not difference.holds]
        if broken:
            tried = "fp32" if precision is Precision.MIXED else "mixed"
            raise ParityError(
                f"the {self.graph.name} graph in {precision} moves {'; '.join(map(str, broken))}; nothing was built "
                f"of it. Try --precision {tried}"
            )
        return differences

    def _difference(self, measure: Measure, found: Outputs) -> ParityCard:
        points, reference = measure.points(found, self._reference), measure.points(self._reference, self._reference)
        moved = np.linalg.norm(points.astype(np.float64) - reference, axis=-1)
        moved = np.where(np.isfinite(moved), moved, np.inf)  # a joint that is no number anywhere is as far as can be
        numbers = (float(moved.mean()), float(moved.max()), measure.mean_limit, measure.worst_limit)
        return ParityCard(measure.name, measure.unit, *numbers, people=len(moved))


def outputs_of(model: onnx.ModelProto, inputs: Mapping[str, F32]) -> dict[str, NDArray[Any]]:
    """One run in onnxruntime on one thread. BuildError with its own words where it refuses the graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except Exception as error:  # onnxruntime's own classes are not public; what it says is passed on
        raise BuildError(f"onnxruntime cannot run the graph for the parity gate: {error}") from error
