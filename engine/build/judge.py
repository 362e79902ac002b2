"""Graphs of one line, judged one after the other: each on good input, and the live model also through the chain."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.build.eight_bits import CalibrationSet
from engine.build.evidence import Evidence
from engine.build.graphs import gate_inputs
from engine.build.parity import ParityGate, measures_of
from engine.build.plan import PlanJob, Typed, typed, unchanged
from engine.build.precision import Precision
from engine.build.rounding import rounding_in_single

log = logging.getLogger(__name__)

Inputs = dict[str, NDArray[np.float32]]


class Judge:
    """Types each job's graph and holds it to the limits. The evidence is made when the first graph needs it.

    limits_mm: mean and worst joint difference. calibration_of: other people than those of the evidence, and the name
    of the recording that they are from; asked for 8 bits only. The landmark network is to come before the live model,
    which is then also fed with what the converted landmark network makes of the pictures: that is what will run.
    """

    def __init__(
        self,
        evidence_of: Callable[[], Evidence],
        limits_mm: tuple[float, float],
        calibration_of: Callable[[], tuple[str, Evidence]] | None = None,
    ) -> None:
        self._evidence_of = evidence_of
        self._calibration_of = calibration_of
        self._mean_mm, self._worst_mm = limits_mm
        self._landmark: tuple[Typed, Precision] | None = None

    @cached_property
    def evidence(self) -> Evidence:
        return self._evidence_of()

    @cached_property
    def calibration(self) -> tuple[str, Evidence] | None:
        return None if self._calibration_of is None else self._calibration_of()

    def typed(self, job: PlanJob) -> Typed:
        """ParityError where the graph moves something too far."""
        chain = job.graph.name == "live" and self._landmark is not None
        if job.precision is Precision.FP32 and not chain:
            return unchanged(job)
        log.info("%s: judging %s on %d people", job.graph.name, job.precision, len(self.evidence.crops))
        measures = measures_of(job.graph.name, mean_mm=self._mean_mm, worst_mm=self._worst_mm)
        inputs = gate_inputs(job.graph, self.evidence)
        gate = ParityGate(job.graph, inputs, measures)
        judged = typed(job, gate, self._calibration_set(job) if job.precision.has_8_bits else None)
        if job.graph.name == "landmark":
            self._landmark = judged, job.precision
        return self._chained(job, judged, gate, inputs=inputs) if chain else judged

    def _calibration_set(self, job: PlanJob) -> CalibrationSet | None:
        if self.calibration is None:
            return None
        pictures, people = self.calibration
        return CalibrationSet(pictures, len(people.crops), people.sha256, gate_inputs(job.graph, people))

    def _chained(self, job: PlanJob, judged: Typed, gate: ParityGate, *, inputs: Inputs) -> Typed:
        through = gate.judged(
            judged.model,
            job.precision,
            inputs=inputs | self._live_inputs(),
            through="of the converted landmark network",
        )
        return dataclasses.replace(judged, differences=(*judged.differences, *through))

    def _live_inputs(self) -> Inputs:
        assert self._landmark is not None
        judged, precision = self._landmark
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "landmark.onnx"
            path.write_bytes(rounding_in_single(judged.model, precision).SerializeToString())
            return self.evidence.live_inputs(path)
