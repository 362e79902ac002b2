"""Which products may compute with 8 bits, found by trying.

Each product is given 8 bits alone, which tells what it costs in the gate's own units. Those that cost least for their
multiply-adds come first, and as many of them as together stay within a share of the limits take 8 bits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from engine.build.parity import ParityGate
from engine.build.quantized import Quantized
from engine.runtime.plan_card import ParityCard

log = logging.getLogger(__name__)

Names = tuple[str, ...]


def cheapest_first(quantized: Quantized, gate: ParityGate, counts: Mapping[str, int]) -> Names:
    """Products, by `operation_name`, in the order of what each costs alone per multiply-add; costs add up as squares.

    gate: on the calibration people. counts: `multiply_adds`. A product that moves nothing that the gate looks at is
    left out: nobody would see what 8 bits do there.
    """
    costs = {
        name: used_up(gate.differences(quantized.with_pairs_at([name]), quantized.precision))
        for name in quantized.places
    }
    seen = [name for name, cost in costs.items() if cost > 0]
    log.info("%s: %d of %d products are seen by the gate", gate.graph.name, len(seen), len(costs))
    return tuple(sorted(seen, key=lambda name: costs[name] ** 2 / counts[name]))


def most_within(share: float, ordered: Names, found_by: Callable[[Names], Sequence[ParityCard]]) -> Names:
    """The longest beginning of `ordered` that uses up no more than `share` of the limits, found by halving.

    found_by: how far the calibration people move where these products have 8 bits.
    """
    held, failed = 0, len(ordered) + 1
    while failed - held > 1:
        tried = (held + failed) // 2
        if used_up(found_by(ordered[:tried])) <= share:
            held = tried
        else:
            failed = tried
    return ordered[:held]


def used_up(differences: Sequence[ParityCard]) -> float:
    """The largest part of a limit that is used up; above 1 the gate does not hold."""
    return max(max(each.mean / each.mean_limit, each.worst / each.worst_limit) for each in differences)
