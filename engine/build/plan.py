"""One graph, all the way: precision, parity, plan, sidecar."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import onnx

from engine.blazepose.cache import write_atomically
from engine.build.build_error import BuildError
from engine.build.build_options import BuildOptions
from engine.build.build_progress import Report, silent
from engine.build.builder import check_parses, plan_bytes
from engine.build.eight_bits import CalibrationSet, with_eight_bits
from engine.build.onnx_file import OnnxGraph
from engine.build.parity import ParityGate
from engine.build.precision import Precision, converted, narrowed_share
from engine.build.sensitive import sensitive_operations
from engine.build.shapes import ShapeOptions, batch_shapes, shape_ranges, with_asked
from engine.runtime.gpu import gpu_here
from engine.runtime.plan_card import (
    BuiltOn,
    CalibrationCard,
    ParityCard,
    PlanCard,
    PrecisionCard,
    ShapeRange,
    card_path,
    write_card,
)
from engine.runtime.tensorrt_library import Library

log = logging.getLogger(__name__)

_SHARES = (0.25, 0.1)
"""Of the gate's limits: what one operation may use up, as several do so together. A stricter one is tried where the
first does not hold."""


_WITHOUT_FP8 = ("sm75", "sm80", "sm86")
"""Targets for which TensorRT for RTX says "the model contains HW-specific datatypes: fp8_e4m3"."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanJob:
    """What to build. weights: how messages name the weights. shapes: what was asked of this graph's open axes."""

    graph: OnnxGraph
    weights: str
    precision: Precision
    options: BuildOptions
    shapes: ShapeOptions = dataclasses.field(default_factory=ShapeOptions)

    def __post_init__(self) -> None:
        if self.precision is Precision.BF16:
            raise BuildError(
                "bf16 is not offered: it moves BlazePose's joints by decimetres; use --precision fp16 or mixed"
            )
        if self.precision is Precision.FP8 and self.options.target in _WITHOUT_FP8:
            raise BuildError(
                f"fp8 cannot be built for {self.options.target}: this GPU generation has no float8, which begins with "
                f"sm89; use --precision int8"
            )

    def ranges(self) -> tuple[ShapeRange, ...]:
        inputs = self.graph.inputs
        return shape_ranges(inputs, with_asked(batch_shapes(inputs), self.shapes))

    def plan_path(self, directory: Path) -> Path:
        return directory / f"{self.graph.name}.{self.precision}.{self.options.target or 'current'}.plan"


@dataclass(frozen=True, slots=True, eq=False)
class Typed:
    """A graph in the precision that was asked, judged."""

    model: onnx.ModelProto
    kept_single: tuple[str, ...]
    differences: tuple[ParityCard, ...]
    """To the fp32 graph; empty where it is the fp32 graph."""
    calibration: CalibrationCard | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BuiltPlan:
    path: Path
    size: int
    card: PlanCard


def unchanged(job: PlanJob) -> Typed:
    """For fp32: the graph is the reference itself."""
    return Typed(job.graph.model, (), ())


def typed(job: PlanJob, gate: ParityGate, calibration: CalibrationSet | None = None) -> Typed:
    """The graph with the types of the job's precision. ParityError where it moves joints too far.

    calibration: people whom the gate does not judge; int8 and fp8 need them.
    """
    if job.precision is Precision.FP32:
        return unchanged(job)
    if job.precision.has_8_bits:
        if calibration is None:
            raise BuildError(f"{job.precision} needs people to calibrate on; name a recording of them with --crops")
        found = with_eight_bits(gate, job.precision, calibration)
        return Typed(found.model, found.kept_single, gate.judged(found.model, job.precision), found.card)
    kept, model = _mixed(gate) if job.precision is Precision.MIXED else ((), converted(job.graph.model, job.precision))
    return Typed(model, kept, gate.judged(model, job.precision))


def _mixed(gate: ParityGate) -> tuple[tuple[str, ...], onnx.ModelProto]:
    """The least that must stay single for the gate to hold; the strictest try where none holds."""
    for share in _SHARES:
        kept = sensitive_operations(gate, share)
        model = converted(gate.graph.model, Precision.MIXED, kept_single=kept)
        if all(difference.holds for difference in gate.differences(model, Precision.MIXED)):
            break
    return kept, model


def rehearse(job: PlanJob, library: Library) -> tuple[ShapeRange, ...]:
    """Everything that can be wrong before minutes are spent: shapes, conversion, and that the library reads the graph.

    Builds nothing, calibrates nothing and measures no parity. BuildError as in a build.
    """
    ranges = job.ranges()
    precision = Precision.FP32 if job.precision is Precision.FP32 else Precision.FP16
    check_parses(library, converted(job.graph.model, precision))
    return ranges


def build_plan(job: PlanJob, judged: Typed, library: Library, *, directory: Path, report: Report = silent) -> BuiltPlan:
    """Writes the plan and then its sidecar into `directory`; both appear whole or not at all.

    BuildError where the library builds none; OSError where the directory cannot be written.
    """
    ranges = job.ranges()
    content = plan_bytes(library, judged.model, job.options, shapes=ranges, report=report)
    path = job.plan_path(directory)
    card_path(path).unlink(missing_ok=True)  # never an old card beside a new plan
    write_atomically(path, content)
    card = _card(job, judged, library, ranges=ranges, plan_sha256=hashlib.sha256(content).hexdigest())
    write_card(path, card)
    log.debug("wrote %s, %d bytes", path, len(content))
    return BuiltPlan(path, len(content), card.sealed())


def _card(
    job: PlanJob, judged: Typed, library: Library, *, ranges: tuple[ShapeRange, ...], plan_sha256: str
) -> PlanCard:
    gpu = gpu_here()
    narrow, operations = narrowed_share(judged.model)
    return PlanCard(
        graph=job.graph.name,
        plan_sha256=plan_sha256,
        onnx_file=job.graph.path.name,
        onnx_sha256=job.graph.sha256,
        weights=job.weights,
        library=library.name,
        library_version=library.version,
        target=job.options.target or "current",
        gpu=None if gpu is None else BuiltOn(gpu.name, gpu.compute_capability),
        shapes=ranges,
        precision=PrecisionCard(
            str(job.precision), narrow, operations, judged.kept_single, calibration=judged.calibration
        ),
        flags=job.options.flags(),
        cpu_parity=judged.differences,
    )
