"""The live model with its large weights in 8 bits, for CPUs: between two people they leave the processor's cache.

A matrix product with one crop reads each weight once, so its time is that of fetching them: a quarter of the bytes are
fetched sooner. Each run of `BLOCK` weights has a step of its own, and activations are rounded to 8 bits run by run as
the product is made (onnxruntime's MatMulNBits, `accuracy_level` 4). Everything else stays in single precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from engine.blazepose.cache import cache_dir, kept, sha256_of
from engine.runtime.backend import BackendError

F32 = NDArray[np.float32]

BLOCK = 64
"""Joints over a still picture tremble more with 128 weights to a step and no less with 32 (docs/experiments.md)."""
_LEAST_WEIGHTS = 100_000
"""Smaller matrices stay as they are."""
_MIDDLE, _STEPS = 128, 127
_DOMAIN = "com.microsoft"
_FORM = "1"
"""Raise it whenever the same file gives another graph."""


def eight_bit_live_onnx(live: Path) -> Path:
    """The graph in the ONNX file `live` with narrow weights, in the cache; made where it is missing or damaged.

    BackendError where the file cannot be read or the cache cannot be written.
    """
    if not live.is_file():
        raise BackendError(f"there is no network {live}; give the .onnx file that `di2pose export onnx` wrote")
    target = cache_dir() / "live" / f"{live.stem}-8bit-{_FORM}-{sha256_of(live)[:16]}.onnx"
    return kept(target, lambda: _narrowed(live), error=BackendError, room_mb=20)


def _narrowed(live: Path) -> bytes:
    try:
        model = onnx.load(live)
    except Exception as error:  # protobuf's own classes; what they say is passed on
        raise BackendError(f"{live} is not an ONNX file ({error}); export the live model again") from error
    narrow(model)
    return model.SerializeToString(deterministic=True)


def narrow(model: onnx.ModelProto) -> None:
    """Replace the products with large constant matrices, in place."""
    graph = model.graph
    stored = {weight.name: weight for weight in graph.initializer}
    casts = [node for node in graph.node if node.op_type == "Cast" and node.input[0] in stored]
    widened = {cast.output[0]: cast.input[0] for cast in casts}
    for node in graph.node:
        name = widened.get(node.input[1], node.input[1]) if node.op_type in ("Gemm", "MatMul") else ""
        matrix = _matrix(node, stored[name]) if name in stored else None
        if matrix is not None and matrix.size >= _LEAST_WEIGHTS:
            graph.initializer.extend(_narrow_product(node, matrix))
    _forget_unused(graph)
    model.opset_import.append(helper.make_opsetid(_DOMAIN, 1))


def _matrix(product: onnx.NodeProto, weight: onnx.TensorProto) -> F32 | None:
    """(out, in), or None where the product is not x @ matrix + bias."""
    values = numpy_helper.to_array(weight).astype(np.float32)
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in product.attribute}
    plain = given.get("alpha", 1.0) == given.get("beta", 1.0) == 1.0 and not given.get("transA", 0)
    if values.ndim != 2 or not plain:
        return None
    return values if given.get("transB", 0) else values.T


def _narrow_product(node: onnx.NodeProto, matrix: F32) -> Iterator[onnx.TensorProto]:
    """Turns the node into a product with weights in 8 bits, and gives these."""
    rows, columns = matrix.shape
    runs = np.pad(matrix, ((0, 0), (0, -columns % BLOCK))).reshape(rows, -1, BLOCK)
    steps = np.maximum(np.abs(runs).max(axis=-1), 1e-12) / np.float32(_STEPS)
    bits = (np.rint(runs / steps[..., None]) + _MIDDLE).astype(np.uint8)
    made = node.output[0]
    yield numpy_helper.from_array(bits, f"{made}_bits")
    yield numpy_helper.from_array(steps.astype(np.float32), f"{made}_steps")
    bias = ["", "", node.input[2]] if len(node.input) > 2 else []
    facts = {"K": columns, "N": rows, "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
    inputs = [node.input[0], f"{made}_bits", f"{made}_steps", *bias]
    node.CopyFrom(helper.make_node("MatMulNBits", inputs, [made], name=node.name, domain=_DOMAIN, **facts))


def _forget_unused(graph: onnx.GraphProto) -> None:
    """Weights in single precision that nothing reads any more, and what widened them."""
    read = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept_nodes = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in read]
    del graph.node[:]
    graph.node.extend(kept_nodes)
    read = {name for node in graph.node for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
