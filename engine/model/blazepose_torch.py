"""The pretrained BlazePose networks as torch modules, from the same description as their ONNX graphs."""

from __future__ import annotations

from functools import singledispatchmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.blazepose.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    DepthToSpace,
    MaxPool,
    NetworkGraph,
    Op,
    PadChannels,
    Reshape,
    Sigmoid,
    Upsample,
)


class BlazePoseNetwork(nn.Module):
    """Runs a `NetworkGraph`; weights are parameters, so that it can be frozen, moved or trained on.

    Input (batch, height, width, channel) as for the ONNX graph, outputs by name, maps (batch, channel, height, width).
    """

    def __init__(self, graph: NetworkGraph) -> None:
        super().__init__()
        self._graph = graph
        self.weights = nn.ParameterDict()
        self.biases = nn.ParameterDict()
        for op in graph.ops:
            if isinstance(op, Conv):
                self.weights[str(op.output)] = nn.Parameter(torch.from_numpy(op.weight.copy()))
                self.biases[str(op.output)] = nn.Parameter(torch.from_numpy(op.bias.copy()))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        tensors = {self._graph.input: image.permute(0, 3, 1, 2)}
        for op in self._graph.ops:
            tensors[op.output] = self._run(op, [tensors[source] for source in op.sources])
        return {output.name: tensors[output.tensor] for output in self._graph.outputs}

    @singledispatchmethod
    def _run(self, op: Op, sources: list[Tensor]) -> Tensor:
        raise TypeError(f"no torch form for {type(op).__name__} of {len(sources)} tensors")

    @_run.register
    def _conv(self, op: Conv, sources: list[Tensor]) -> Tensor:
        key, pad = str(op.output), op.padding
        padded = functional.pad(sources[0], (pad.left, pad.right, pad.top, pad.bottom))
        result = functional.conv2d(padded, self.weights[key], self.biases[key], op.stride, groups=op.groups)
        return _activated(result, op.activation)

    @_run.register
    def _add(self, op: Add, sources: list[Tensor]) -> Tensor:
        return _activated(sources[0] + sources[1], op.activation)

    @_run.register
    def _pad_channels(self, op: PadChannels, sources: list[Tensor]) -> Tensor:
        return functional.pad(sources[0], (0, 0, 0, 0, 0, op.added))

    @_run.register
    def _max_pool(self, op: MaxPool, sources: list[Tensor]) -> Tensor:
        return functional.max_pool2d(sources[0], op.kernel, op.stride)

    @_run.register
    def _upsample(self, op: Upsample, sources: list[Tensor]) -> Tensor:
        result = functional.interpolate(sources[0], scale_factor=op.factor, mode="bilinear", align_corners=False)
        return _activated(result, op.activation)

    @_run.register
    def _depth_to_space(self, op: DepthToSpace, sources: list[Tensor]) -> Tensor:
        batch, channels, height, width = sources[0].shape
        inner = channels // op.block**2
        blocks = sources[0].reshape(batch, op.block, op.block, inner, height, width)  # torch's own shuffle differs
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, inner, height * op.block, width * op.block)

    @_run.register
    def _reshape(self, op: Reshape, sources: list[Tensor]) -> Tensor:
        return _channels_last(sources[0]).reshape(-1, *self._graph.shapes[op.output][1:])

    @_run.register
    def _concat(self, _: Concat, sources: list[Tensor]) -> Tensor:
        return torch.cat(sources, dim=1)

    @_run.register
    def _sigmoid(self, _: Sigmoid, sources: list[Tensor]) -> Tensor:
        return torch.sigmoid(sources[0])


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor


def _activated(tensor: Tensor, activation: Activation) -> Tensor:
    if activation == "relu6":
        return functional.relu6(tensor)
    return functional.relu(tensor) if activation == "relu" else tensor
