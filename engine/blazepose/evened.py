"""Rewriting a description so that the channels of a residual stream reach equally far: eight bits then serve them all.

A stream is what sums without an activation tie together. Its convolutions have no activation either, so each of its
channels may be scaled, and whatever reads it scales back: the outputs stay the same (Nagel et al., Data-Free
Quantization Through Weight Equalization and Bias Correction, 2019, there between two layers).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.graph import Add, Conv, NetworkGraph, Op
from engine.blazepose.seen_tensors import SeenTensor

F32 = NDArray[np.float32]

_LARGEST_SCALE = 16.0
"""A channel that says next to nothing is not blown up further than this."""


def evened(graph: NetworkGraph, seen: Mapping[int, SeenTensor]) -> tuple[NetworkGraph, dict[int, SeenTensor]]:
    """The graph with scaled streams, and what its tensors hold then."""
    scales: dict[int, F32] = {}
    for stream in _streams(graph):
        if not seen.keys() >= set(stream):
            continue
        reach = np.max([np.maximum(-seen[tensor].low, seen[tensor].high) for tensor in stream], axis=0)
        scale = np.clip(reach.max() / np.maximum(reach, 1e-6), 1, _LARGEST_SCALE).astype(np.float32)
        scales.update(dict.fromkeys(stream, scale))
    ops = tuple(_scaled(op, scales) if isinstance(op, Conv) else op for op in graph.ops)
    held = {tensor: each.scaled(scales[tensor]) if tensor in scales else each for tensor, each in seen.items()}
    return replace(graph, ops=ops), held


def _streams(graph: NetworkGraph) -> Iterator[list[int]]:
    """Tensors of each stream that only convolutions read and that is no output of the network."""
    made_by = {op.output: op for op in graph.ops}
    stream_of: dict[int, list[int]] = {}
    for op in graph.ops:
        if isinstance(op, Add):
            joined = sorted({op.output}.union(*(stream_of.get(source, [source]) for source in op.sources)))
            stream_of.update(dict.fromkeys(joined, joined))
    users: dict[int, list[Op]] = defaultdict(list)
    for op in graph.ops:
        for source in op.sources:
            users[source].append(op)
    given = {output.tensor for output in graph.outputs}
    for stream in {id(each): each for each in stream_of.values()}.values():
        free = not given & set(stream) and all(_is_linear(made_by.get(tensor)) for tensor in stream)
        outside = [user for tensor in stream for user in users[tensor] if user.output not in stream]
        if free and all(isinstance(user, Conv) for user in outside):
            yield stream


def _is_linear(op: Op | None) -> bool:
    return isinstance(op, Conv | Add) and op.activation == "none"


def _scaled(op: Conv, scales: Mapping[int, F32]) -> Conv:
    weight, bias = op.weight, op.bias
    if op.sources[0] in scales:
        back = np.float32(1) / scales[op.sources[0]]
        weight = np.asarray(weight * (back[:, None, None, None] if op.groups > 1 else back[None, :, None, None]))
    if op.output in scales:
        scale = scales[op.output]
        weight, bias = weight * scale[:, None, None, None], bias * scale
    return replace(op, weight=np.ascontiguousarray(weight), bias=bias)
