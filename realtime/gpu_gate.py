"""The comparison that a plan must pass on the GPU before the line uses it, on people of the bundled clip."""

from __future__ import annotations

from pathlib import Path

from engine.runtime.backend import Backend
from engine.runtime.plan_card import PlanCard, PlanParityError
from engine.runtime.plan_choice import ChosenPlan


def gate_on_demo(backend: Backend, chosen: ChosenPlan, graph_file: Path) -> PlanCard:
    """A `Gate`. Takes some seconds, once per plan. PlanParityError where nothing can be compared."""
    # Only a new plan needs these, and they read ONNX files: the line starts without.
    from engine.blazepose.networks import detector_onnx
    from engine.build.build_error import BuildError
    from engine.build.evidence import people_in
    from engine.build.gpu_parity import compared_on_gpu
    from realtime.spread_pictures import spread_pictures

    try:
        return compared_on_gpu(
            backend,
            chosen.card,
            chosen.plan,
            graph_file=graph_file,
            evidence_of=lambda: people_in(spread_pictures("demo"), detector_onnx()),
        )
    except BuildError as error:
        raise PlanParityError(f"{chosen.plan} cannot be compared with fp32 and is not used: {error}") from error
