"""Constant tensors of a .tflite file as numpy arrays, sparse and half-precision storage undone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from engine.blazepose.graph import NetworkGraphError, Shape

_MOST_WEIGHTS = 10_000_000
"""In one tensor; a damaged file must not ask for all memory. The largest here has 0.3 million."""

_DTYPES = {
    tflite.TensorType.FLOAT32: np.dtype("<f4"),
    tflite.TensorType.FLOAT16: np.dtype("<f2"),
    tflite.TensorType.INT32: np.dtype("<i4"),
}
_INDEX_VECTORS = {
    tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
    tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
    tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
}


def constant(model: Any, tensor: Any) -> NDArray[Any] | None:
    """The stored values of `tensor` in its shape; None where it has none, because an operation computes it."""
    buffer = model.Buffers(tensor.Buffer())
    if buffer.DataLength() == 0:
        return None
    dtype = _DTYPES.get(tensor.Type())
    if dtype is None:
        raise NetworkGraphError(f"constant {tensor.Name().decode()} has the unknown element type {tensor.Type()}")
    values = buffer.DataAsNumpy().view(dtype)
    shape = shape_of(tensor)
    sparsity = tensor.Sparsity()
    return values.reshape(shape) if sparsity is None else _densified(values, shape, sparsity)


def shape_of(tensor: Any) -> Shape:
    return tuple(int(size) for size in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()


def _densified(values: NDArray[Any], shape: Shape, sparsity: Any) -> NDArray[Any]:
    """Undo the TFLite sparse format: levels of a tree, each dense or with compressed rows (schema.fbs)."""
    order = [int(axis) for axis in sparsity.TraversalOrderAsNumpy()]
    if sparsity.BlockMapLength() or sorted(order) != list(range(len(shape))) or math.prod(shape) > _MOST_WEIGHTS:
        raise NetworkGraphError(f"a constant of shape {shape} is stored sparsely in a way that is not supported")
    nodes = np.zeros((1, 0), np.int64)  # one row of coordinates for every node reached so far
    for level, axis in enumerate(order):
        nodes = _descended(nodes, sparsity.DimMetadata(level), size=shape[axis])
    dense = np.zeros(shape, values.dtype)
    dense[tuple(nodes[:, order.index(axis)] for axis in range(len(shape)))] = values[: len(nodes)]
    return dense


def _descended(nodes: NDArray[np.int64], level: Any, *, size: int) -> NDArray[np.int64]:
    if level.Format() == tflite.DimensionType.DENSE:
        parents = np.repeat(np.arange(len(nodes)), size)
        coordinates = np.tile(np.arange(size), len(nodes))
    else:
        segments = _index_vector(level.ArraySegments(), level.ArraySegmentsType())
        coordinates = _index_vector(level.ArrayIndices(), level.ArrayIndicesType())
        counts = np.diff(segments)
        if len(counts) != len(nodes) or counts.sum() != len(coordinates) or (counts < 0).any():
            raise NetworkGraphError("a sparse constant contradicts itself, the file is damaged; get the file again")
        parents = np.repeat(np.arange(len(nodes)), counts)
    return np.concatenate([nodes[parents], coordinates[:, None]], axis=1)


def _index_vector(table: Any, kind: int) -> NDArray[np.int64]:
    vector = _INDEX_VECTORS[kind]()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(vector.ValuesAsNumpy(), np.int64)
