"""Which operations must keep single precision, found by trying.

A few operations do all the harm: BlazePose's last residual sum takes the difference of two large tensors, and rounding
these alone moves the world landmarks by 5 mm (docs/engines.md). Groups of neighbouring operations are converted alone;
a group that does no harm is left in half precision, any other is split.
"""

from __future__ import annotations

import logging

import onnx

from engine.build.parity import ParityGate
from engine.build.precision import MARK, Precision, converted, operation_name

log = logging.getLogger(__name__)


def sensitive_operations(gate: ParityGate, share: float) -> tuple[str, ...]:
    """Operations, by `operation_name`, that on their own use up more than `share` of the gate's limits."""
    names = _narrowed_by(gate.graph.model)
    found: list[str] = []
    groups = [names]
    while groups:
        group = groups.pop()
        if not group or _is_harmless(gate, names, group, share=share):
            continue
        if len(group) == 1:
            found.extend(group)
        else:
            middle = len(group) // 2
            groups += [group[middle:], group[:middle]]
    log.info("%s: %d of %d operations keep single precision", gate.graph.name, len(found), len(names))
    return tuple(found)


def _narrowed_by(model: onnx.ModelProto) -> tuple[str, ...]:
    narrow = converted(model, Precision.FP16)
    return tuple(
        operation_name(node).removesuffix(MARK)
        for node in narrow.graph.node
        if node.op_type != "Cast" and operation_name(node).endswith(MARK)
    )


def _is_harmless(gate: ParityGate, names: tuple[str, ...], group: tuple[str, ...], *, share: float) -> bool:
    others = frozenset(names).difference(group)
    model = converted(gate.graph.model, Precision.FP16, kept_single=others)
    return all(
        difference.mean <= share * difference.mean_limit and difference.worst <= share * difference.worst_limit
        for difference in gate.differences(model, Precision.FP16)
    )
