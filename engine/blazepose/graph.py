"""One neutral description of a convolutional network: what the converters to ONNX and torch read.

Tensors are numbered. `shapes` are those of the source file: batch, height, width, channel for pictures. Weights
stand as (out channel, in channel of its group, kernel height, kernel width); TensorFlow's paddings are spelled out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Shape = tuple[int, ...]
Activation = Literal["none", "relu", "relu6"]


class NetworkGraphError(ValueError):
    """A network file cannot be read or holds something that is not understood; the text names the file."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Zero rows and columns around a picture."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def __add__(self, other: Padding) -> Padding:
        return Padding(
            self.top + other.top, self.left + other.left, self.bottom + other.bottom, self.right + other.right
        )


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """Convolution, bias and activation; `groups` = number of input channels makes it depthwise."""

    sources: tuple[int, ...]
    output: int
    weight: F32
    bias: F32
    stride: int
    padding: Padding
    groups: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class Add:
    sources: tuple[int, ...]
    output: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class PadChannels:
    """Channels of zeros behind those of a picture."""

    sources: tuple[int, ...]
    output: int
    added: int


@dataclass(frozen=True, slots=True)
class MaxPool:
    sources: tuple[int, ...]
    output: int
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class Upsample:
    """Bilinear, pixel centres at half (edges clamped)."""

    sources: tuple[int, ...]
    output: int
    factor: int
    activation: Activation = "none"


@dataclass(frozen=True, slots=True)
class DepthToSpace:
    """Channel blocks become pixels; the channel counts fastest inside a block (TensorFlow's order)."""

    sources: tuple[int, ...]
    output: int
    block: int


@dataclass(frozen=True, slots=True)
class Reshape:
    """To the output's shape, counting channels fastest."""

    sources: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True)
class Concat:
    """Along axis 1 of tensors that are not pictures."""

    sources: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True)
class Sigmoid:
    sources: tuple[int, ...]
    output: int


Op = Conv | Add | PadChannels | MaxPool | Upsample | DepthToSpace | Reshape | Concat | Sigmoid


@dataclass(frozen=True, slots=True)
class GraphOutput:
    name: str
    tensor: int


@dataclass(frozen=True, slots=True, eq=False)
class NetworkGraph:
    """Operations in an order that can be run, pruned to what the outputs need."""

    source: str
    """The file it was read from, for messages."""
    input_name: str
    input: int
    outputs: tuple[GraphOutput, ...]
    ops: tuple[Op, ...]
    shapes: Mapping[int, Shape]
