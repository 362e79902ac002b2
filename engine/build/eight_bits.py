"""A graph in int8 or fp8: 8 bits for the products that bear it, all else as in `mixed`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import onnx

from engine.build.build_error import ParityError
from engine.build.calibration import METHOD, Inputs
from engine.build.multiply_adds import multiply_adds
from engine.build.parity import ParityGate
from engine.build.precision import Precision, converted
from engine.build.product_choice import Names, cheapest_first, most_within
from engine.build.quantized import Quantized
from engine.build.sensitive import sensitive_operations
from engine.runtime.plan_card import CalibrationCard, ParityCard

log = logging.getLogger(__name__)

SHARES = (0.25, 0.1)
"""Of the limits, how far the calibration people may move; a stricter one is tried where the gate does not hold. People
of other recordings move up to seven times as far (docs/experiments.md)."""
LEAST_SHARE = 0.25
"""Of the multiply-adds. With fewer, 8 bits are there in name only: each island of them costs a conversion before it."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationSet:
    """People to calibrate one graph on. pictures: the recording's name. sha256: of what the networks are shown."""

    pictures: str
    people: int
    sha256: str
    inputs: Inputs


@dataclass(frozen=True, slots=True, eq=False)
class EightBits:
    model: onnx.ModelProto
    kept_single: Names
    card: CalibrationCard


def with_eight_bits(gate: ParityGate, precision: Precision, calibration: CalibrationSet) -> EightBits:
    """The gate's graph with 8 bits for as many products as the limits allow; the gate is still to judge the result.

    ParityError where only a small part of the multiply-adds could take 8 bits.
    """
    trial = gate.on(calibration.inputs)
    counts = multiply_adds(gate.graph.model, calibration.inputs)
    quantized = Quantized.of(gate.graph.model, precision, calibration.inputs)
    ordered = cheapest_first(quantized, trial, counts)
    alone = most_within(SHARES[0], ordered, lambda names: trial.differences(quantized.with_pairs_at(names), precision))
    _refuse_too_few(alone, counts, gate, precision)
    for share in SHARES:
        model, chosen, kept = _within(share, ordered, quantized, trial)
        if all(difference.holds for difference in gate.differences(model, precision)):
            break
    _refuse_too_few(chosen, counts, gate, precision)
    log.info("%s: %s for %d of %d products", gate.graph.name, precision, len(chosen), len(counts))
    return EightBits(model, kept, _card(calibration, model, chosen, counts))


def _within(
    share: float, ordered: Names, quantized: Quantized, trial: ParityGate
) -> tuple[onnx.ModelProto, Names, Names]:
    """The graph, its products with 8 bits, and its operations in single precision."""
    kept = sensitive_operations(trial, share)

    def moved(names: Names) -> tuple[ParityCard, ...]:
        return trial.differences(_typed(quantized, names, kept), quantized.precision)

    chosen = most_within(share, ordered, moved)
    return _typed(quantized, chosen, kept), chosen, kept


def _typed(quantized: Quantized, names: Names, kept_single: Collection[str]) -> onnx.ModelProto:
    """What comes out of a pair has the type of the product that takes it, so that nothing stands between them."""
    pairs = {pair for name in names if name in kept_single for pair in quantized.places[name].pairs}
    model = quantized.with_pairs_at(names)
    return converted(model, quantized.precision, kept_single=pairs.union(kept_single))


def _refuse_too_few(names: Names, counts: Mapping[str, int], gate: ParityGate, precision: Precision) -> None:
    if (share := _share(names, counts)) < LEAST_SHARE:
        raise ParityError(
            f"the {gate.graph.name} graph bears {precision} in {share:.1%} of its multiply-adds only, before it moves "
            f"people by more than {SHARES[0]:.0%} of the limits, and is built from {LEAST_SHARE:.0%} on; nothing was "
            f"built of it. Try --precision mixed"
        )


def _share(names: Names, counts: Mapping[str, int]) -> float:
    return sum(counts[name] for name in names) / sum(counts.values())


def _card(
    calibration: CalibrationSet, model: onnx.ModelProto, chosen: Names, counts: Mapping[str, int]
) -> CalibrationCard:
    return CalibrationCard(
        method=METHOD,
        pictures=calibration.pictures,
        people=calibration.people,
        people_sha256=calibration.sha256,
        graph_sha256=hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest(),
        quantized=chosen,
        multiply_adds_share=round(_share(chosen, counts), 4),
    )
