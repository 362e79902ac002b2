"""What a server must be told of a graph: its tensors, and whether it may put several requests into one run."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import TensorProto, ValueInfoProto, helper

from engine.build.build_error import BuildError
from engine.build.onnx_file import OnnxGraph, axis_sizes
from engine.runtime.backend import TensorInfo


@dataclass(frozen=True, slots=True)
class ServedTensors:
    """Inputs and outputs of one graph as it is. BuildError where one has no axes, which Triton cannot describe."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def __post_init__(self) -> None:
        bare = [entry.name for entry in self.entries if not entry.shape]
        if bare:
            raise BuildError(f"the tensor {bare[0]!r} has no axes, and Triton serves none of that kind; export it as 1")

    @property
    def entries(self) -> tuple[TensorInfo, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def is_batched(self) -> bool:
        """True where the first axis of every tensor is open and no other: then rows of several requests can share a
        run. The live model's noise has a fixed shape and is shared by all rows, so that model is not batched."""
        return all(
            len(entry.shape) > 1
            and isinstance(entry.shape[0], str)
            and not any(isinstance(size, str) for size in entry.shape[1:])
            for entry in self.entries
        )

    @classmethod
    def of(cls, graph: OnnxGraph) -> ServedTensors:
        """BuildError for a tensor of a type that no array has."""
        stored = {tensor.name for tensor in graph.model.graph.initializer}
        given = [entry for entry in graph.model.graph.input if entry.name not in stored]
        return cls(tuple(map(_info, given)), tuple(map(_info, graph.model.graph.output)))


def _info(entry: ValueInfoProto) -> TensorInfo:
    kind = entry.type.tensor_type.elem_type
    if kind == TensorProto.UNDEFINED:
        raise BuildError(f"the graph does not say of what type {entry.name!r} is; export it again")
    return TensorInfo(entry.name, axis_sizes(entry), helper.tensor_dtype_to_np_dtype(kind).name)
