"""Constant tensors of a .tflite file as numpy arrays, sparse and half-precision storage undone."""

from __future__ import annotations

from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from engine.blazepose.graph import NetworkGraphError, Shape

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
    if sparsity.BlockMapLength():
        raise NetworkGraphError("a constant is stored in sparse blocks, which is not supported")
    order = [int(axis) for axis in sparsity.TraversalOrderAsNumpy()]
    nodes = np.zeros((1, 0), np.int64)  # one row of coordinates for every node reached so far
    for level in range(sparsity.DimMetadataLength()):
        nodes = _descended(nodes, sparsity.DimMetadata(level))
    dense = np.zeros(shape, values.dtype)
    dense[tuple(nodes[:, order.index(axis)] for axis in range(len(shape)))] = values[: len(nodes)]
    return dense


def _descended(nodes: NDArray[np.int64], level: Any) -> NDArray[np.int64]:
    if level.Format() == tflite.DimensionType.DENSE:
        size = level.DenseSize()
        parents = np.repeat(np.arange(len(nodes)), size)
        coordinates = np.tile(np.arange(size), len(nodes))
    else:
        segments = _index_vector(level.ArraySegments(), level.ArraySegmentsType())
        coordinates = _index_vector(level.ArrayIndices(), level.ArrayIndicesType())
        parents = np.repeat(np.arange(len(nodes)), np.diff(segments))
    return np.concatenate([nodes[parents], coordinates[:, None]], axis=1)


def _index_vector(table: Any, kind: int) -> NDArray[np.int64]:
    vector = _INDEX_VECTORS[kind]()
    vector.Init(table.Bytes, table.Pos)
    return np.asarray(vector.ValuesAsNumpy(), np.int64)
