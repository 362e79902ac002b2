"""What the library's inspector finds in a plan, put into the plan's sidecar. Takes a GPU: the plan is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from engine.runtime.cuda import CudaQueue, GpuQueue
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.layer_types import InspectionError
from engine.runtime.plan_card import PlanCard, write_card
from engine.runtime.tensorrt_backend import TensorRtBackend
from engine.runtime.tensorrt_library import Library

log = logging.getLogger(__name__)


def with_layer_types(backend: TensorRtBackend, card: PlanCard) -> PlanCard:
    """The card with the types that were found, unsealed; as it was, with a warning, where the library does not tell.

    backend: has loaded the plan of this card.
    """
    try:
        found = backend.layer_types()
    except InspectionError as error:
        log.warning("%s: the types of its layers are not known: %s", backend.card.graph, error)
        return card
    return structs.replace(card, precision=structs.replace(card.precision, found=found))


def with_layers_inspected(
    plan: Path,
    library: Library,
    *,
    gpu_of: Callable[[int], Gpu | None] = gpu_here,
    queue_of: Callable[[int], GpuQueue] = CudaQueue,
) -> PlanCard:
    """The plan's card. With what its layers compute with; loads it on the first GPU and keeps the card beside it.

    PlanError where the plan must not be loaded here, CudaError where the GPU cannot.
    """
    with TensorRtBackend(plan, library, gpu_of=gpu_of, queue_of=queue_of) as backend:
        card = with_layer_types(backend, backend.card).sealed()
    try:
        write_card(plan, card)
    except OSError as error:
        log.warning("%s: what was found in it cannot be kept beside it (%s)", plan.name, error)
    return card
