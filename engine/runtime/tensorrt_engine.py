"""From the bytes of a plan to something that runs: deserialising, its tensors, an execution context."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runtime.backend import BackendError
from engine.runtime.cuda_error import cuda_error, is_known
from engine.runtime.layer_types import InspectionError
from engine.runtime.plan_card import PlanError
from engine.runtime.plan_layout import PlanTensor
from engine.runtime.tensorrt_library import Library, hearing_logger

log = logging.getLogger(__name__)

_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
_PROFILE = 0
"""`di2pose build` gives one."""


class Words:
    """What the library said last; its calls answer with False or None and tell the reason only here."""

    def __init__(self) -> None:
        self.said: deque[str] = deque(maxlen=3)

    def taken(self) -> str:
        words = "; ".join(self.said) or "the library gives no reason"
        self.said.clear()
        return words


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """A deserialised plan with its context; `parts` keeps alive what the library does not."""

    plan: Any
    """The library's own engine."""
    context: Any
    tensors: tuple[PlanTensor, ...]
    words: Words
    parts: tuple[Any, ...]


def opened_engine(
    library: Library, content: bytes, plan: Path, *, cuda_graphs: bool, carries_runtime: bool = False
) -> Engine:
    """Deserialises: that is running foreign code, so `check_plan` comes first, on these very bytes.

    The GPU of the calling thread is used. carries_runtime: the plan was built with --versionCompatible and brings a
    part of the library with it. CudaError where driver, GPU or memory are the reason; PlanError where the library
    refuses the plan itself.
    """
    trt, words = library.module, Words()
    logger = hearing_logger(trt, words.said)
    try:
        runtime = trt.Runtime(logger)
    except (TypeError, RuntimeError) as error:  # pybind turns a null runtime into either
        raise cuda_error(f"{library.name} cannot start here ({error})", words.taken()) from error
    if carries_runtime:
        runtime.engine_host_code_allowed = True
    engine = runtime.deserialize_cuda_engine(content)
    if engine is None:
        raise _refused(library, plan, words.taken())
    context = _context(trt, engine, cuda_graphs=cuda_graphs)
    if context is None:
        raise cuda_error(f"{plan.name}: no execution context", words.taken())
    return Engine(engine, context, _tensors(engine, plan), words, (runtime, logger))


def layers_told(library: Library, engine: Engine) -> str:
    """What the library's inspector tells of the plan's layers, as JSON, for the shapes that the context has now.

    InspectionError where it tells nothing.
    """
    inspector = engine.plan.create_engine_inspector()
    inspector.execution_context = engine.context  # without, formats that depend on shapes are not told
    text = inspector.get_engine_information(library.module.LayerInformationFormat.JSON)
    if not text:
        raise InspectionError(
            f"{library.name} {library.version} tells nothing of the plan's layers: {engine.words.taken()}. Build the "
            f"plan again with `di2pose build`"
        )
    return str(text)


def captures_itself(library: Library) -> bool:
    """TensorRT for RTX swaps kernels for new shapes in the background, which a graph of ours would not see; it has
    CUDA graphs of its own that do (`IRuntimeConfig`, from 1.2 on)."""
    return hasattr(library.module, "CudaGraphStrategy")


def _context(trt: Any, engine: Any, *, cuda_graphs: bool) -> Any:
    if not cuda_graphs or not hasattr(trt, "CudaGraphStrategy"):
        return engine.create_execution_context()
    config = engine.create_runtime_config()
    config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
    return engine.create_execution_context(config)


def _refused(library: Library, plan: Path, words: str) -> Exception:
    if is_known(words):
        return cuda_error(f"{plan.name} cannot be loaded by {library.name} {library.version}", words)
    return PlanError(
        f"{plan}: {library.name} {library.version} refuses it ({words}). It is whole and its sidecar fits, so the "
        f"library itself is another one than it says: install it again, then build the plan again with `di2pose build`"
    )


def _tensors(engine: Any, plan: Path) -> tuple[PlanTensor, ...]:
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return tuple(_tensor(engine, name, plan) for name in names)


def _tensor(engine: Any, name: str, plan: Path) -> PlanTensor:
    kind = engine.get_tensor_dtype(name).name
    if kind not in _DTYPES:
        raise BackendError(f"{plan.name}: {name!r} is {kind}, which numpy does not know; build the plan again")
    shape = tuple(int(size) for size in engine.get_tensor_shape(name))
    if engine.get_tensor_mode(name).name != "INPUT":
        return PlanTensor(name, shape, _DTYPES[kind], is_input=False)
    smallest, _, largest = (tuple(map(int, sizes)) for sizes in engine.get_tensor_profile_shape(name, _PROFILE))
    return PlanTensor(name, shape, _DTYPES[kind], is_input=True, largest=largest, smallest=smallest)
