"""Reading ONNX graphs that somebody else may have cut short, and what a builder must know of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from engine.build.build_error import BuildError


@dataclass(frozen=True, slots=True)
class GraphInput:
    name: str
    shape: tuple[int | str, ...]
    """A string names a dynamic axis."""

    @property
    def is_open(self) -> bool:
        return any(isinstance(size, str) for size in self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class OnnxGraph:
    """A graph in single precision as it was read."""

    name: str
    """What plan and messages call it: `detector`, `landmark`, `live`, or the file's stem."""
    path: Path
    sha256: str
    model: onnx.ModelProto
    inputs: tuple[GraphInput, ...]


def read_onnx(path: Path, name: str | None = None) -> OnnxGraph:
    """BuildError where the file is absent, cut short, no ONNX, or keeps its weights elsewhere."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror or error}; name an existing ONNX file") from error
    again = "write or convert it again (`di2pose fetch` for BlazePose, `di2pose export onnx` for the live model)"
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's decoding errors and the checker's own share no public base class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BuildError(f"{path} is no complete ONNX graph ({reason}); {again}") from error
    if not model.graph.node:
        raise BuildError(f"{path} holds no graph: the file is empty or cut short; {again}")
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise BuildError(f"{path} keeps its weights in other files; export it as one file")
    return OnnxGraph(name or path.stem, path, hashlib.sha256(content).hexdigest(), model, _inputs(model))


def _inputs(model: onnx.ModelProto) -> tuple[GraphInput, ...]:
    stored = {tensor.name for tensor in model.graph.initializer}
    return tuple(GraphInput(entry.name, axis_sizes(entry)) for entry in model.graph.input if entry.name not in stored)


def axis_sizes(entry: onnx.ValueInfoProto) -> tuple[int | str, ...]:
    """A string names a dynamic axis."""
    sizes = entry.type.tensor_type.shape.dim
    return tuple(
        size.dim_value if size.HasField("dim_value") else size.dim_param or f"axis {axis}"
        for axis, size in enumerate(sizes)
    )
