"""Reading a .tflite file into the neutral description, without TensorFlow.

The flatbuffer is read with the public TFLite schema. Only what the two BlazePose networks use is understood;
anything else is a NetworkGraphError that names it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from engine.blazepose.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    DepthToSpace,
    GraphOutput,
    MaxPool,
    NetworkGraph,
    NetworkGraphError,
    Op,
    PadChannels,
    Padding,
    Reshape,
    Shape,
    Sigmoid,
    Upsample,
)
from engine.blazepose.tflite_constants import constant, shape_of

_ACTIVATIONS: dict[int, Activation] = {
    tflite.ActivationFunctionType.NONE: "none",
    tflite.ActivationFunctionType.RELU: "relu",
    tflite.ActivationFunctionType.RELU6: "relu6",
}
_BROKEN_FLATBUFFER = (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What the schema classes raise on bytes that are no flatbuffer."""


def read_graph(path: Path, input_name: str, *, outputs: Mapping[str, str]) -> NetworkGraph:
    """The part of the network in `path` that computes `outputs`: our name -> tensor name in the file.

    NetworkGraphError: the file is unreadable, cut off, no TFLite network, lacks an output, or uses an
    operation that is not supported.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkGraphError(f"cannot read network {path}: {error.strerror}") from error
    if content[4:8] != b"TFL3":
        raise NetworkGraphError(f"{path} is not a TFLite network: the mark TFL3 is missing; get the file again")
    try:
        return _Reader(content, path).graph(input_name, outputs)
    except NetworkGraphError as error:
        raise NetworkGraphError(f"{path}: {error}") from error
    except _BROKEN_FLATBUFFER as error:
        raise NetworkGraphError(f"{path} is damaged or cut off ({error}); get the file again") from error


class _Reader:
    """One pass over the operators. Constants fold away; PAD and SAME become the paddings of what follows."""

    def __init__(self, content: bytes, path: Path) -> None:
        self._path = path
        self._model = tflite.Model.GetRootAsModel(content, 0)
        self._subgraph = self._model.Subgraphs(0)
        tensors = [self._subgraph.Tensors(index) for index in range(self._subgraph.TensorsLength())]
        self._names = {tensor.Name().decode(): index for index, tensor in enumerate(tensors)}
        self._shapes: dict[int, Shape] = {index: shape_of(tensor) for index, tensor in enumerate(tensors)}
        self._constants: dict[int, NDArray[Any]] = {}
        for index, tensor in enumerate(tensors):
            values = constant(self._model, tensor)
            if values is not None:
                self._constants[index] = values
        self._padded: dict[int, tuple[int, Padding]] = {}  # output of a PAD -> (its source, the padding)

    def graph(self, input_name: str, outputs: Mapping[str, str]) -> NetworkGraph:
        missing = [tensor for tensor in outputs.values() if tensor not in self._names]
        if missing:
            raise NetworkGraphError(f"has no tensor {missing[0]!r}; it is another network than the one expected")
        chosen = tuple(GraphOutput(name, self._names[tensor]) for name, tensor in outputs.items())
        ops = [self._op(self._subgraph.Operators(index)) for index in range(self._subgraph.OperatorsLength())]
        needed = _pruned([op for op in ops if op is not None], {output.tensor for output in chosen})
        source = int(self._subgraph.Inputs(0))
        return NetworkGraph(self._path.name, input_name, source, chosen, needed, self._shapes)

    def _op(self, operator: Any) -> Op | None:
        """The operator in neutral form; None where it folds away."""
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # old files fill only the second
        read = _READERS.get(builtin)
        if read is None:
            raise NetworkGraphError(f"uses TFLite operator number {builtin}, which is not supported")
        sources = tuple(int(index) for index in operator.InputsAsNumpy())
        return read(self, operator.BuiltinOptions(), sources, int(operator.Outputs(0)))

    def _fold(self, _: Any, sources: tuple[int, ...], output: int) -> None:
        """DEQUANTIZE of half precision, DENSIFY: constants only; the storage was undone on reading."""
        self._constants[output] = self._constants[sources[0]]

    def _pad(self, _: Any, sources: tuple[int, ...], output: int) -> PadChannels | None:
        """Rows and columns fold into the convolution that follows; channels behind the others are an operation."""
        (_, _), (top, bottom), (left, right), (in_front, behind) = self._constants[sources[1]].tolist()
        if not (in_front or behind):
            self._padded[output] = (sources[0], Padding(top, left, bottom, right))
            return None
        if in_front or top or bottom or left or right:
            raise NetworkGraphError("pads channels in front, or channels and pixels at once: not supported")
        return PadChannels(self._unpadded(sources[:1]), output, behind)

    def _conv(self, table: Any, sources: tuple[int, ...], output: int) -> Conv:
        options = _options(tflite.Conv2DOptions, table)
        weight = self._floats(sources[1]).transpose(0, 3, 1, 2)
        return self._convolution(options, sources, output, weight=weight, groups=1)

    def _depthwise_conv(self, table: Any, sources: tuple[int, ...], output: int) -> Conv:
        options = _options(tflite.DepthwiseConv2DOptions, table)
        weight = self._floats(sources[1]).transpose(3, 0, 1, 2)
        return self._convolution(options, sources, output, weight=weight, groups=self._shapes[sources[0]][3])

    def _convolution(
        self, options: Any, sources: tuple[int, ...], output: int, *, weight: NDArray[np.float32], groups: int
    ) -> Conv:
        stride = _square(options)
        if options.DilationHFactor() != 1 or options.DilationWFactor() != 1:
            raise NetworkGraphError("uses a dilated convolution, which is not supported")
        padding = self._same_padding(sources[0], output, kernel=weight.shape[2], stride=stride)
        source, before = self._padded.get(sources[0], (sources[0], Padding()))
        return Conv(
            sources=(source,),
            output=output,
            weight=np.ascontiguousarray(weight),
            bias=self._floats(sources[2]),
            stride=stride,
            padding=before + (padding if options.Padding() == tflite.Padding.SAME else Padding()),
            groups=groups,
            activation=_activation(options),
        )

    def _same_padding(self, source: int, output: int, *, kernel: int, stride: int) -> Padding:
        """TensorFlow's SAME: the odd row and column go to the bottom and the right."""
        rows, columns = (
            max((out - 1) * stride + kernel - size, 0)
            for size, out in zip(self._shapes[source][1:3], self._shapes[output][1:3], strict=True)
        )
        return Padding(rows // 2, columns // 2, rows - rows // 2, columns - columns // 2)

    def _add(self, table: Any, sources: tuple[int, ...], output: int) -> Add:
        return Add(self._unpadded(sources), output, _activation(_options(tflite.AddOptions, table)))

    def _max_pool(self, table: Any, sources: tuple[int, ...], output: int) -> MaxPool:
        options = _options(tflite.Pool2DOptions, table)
        kernel, stride = options.FilterHeight(), _square(options)
        exact = self._same_padding(sources[0], output, kernel=kernel, stride=stride) == Padding()
        if options.FilterWidth() != kernel or not exact or _activation(options) != "none":
            raise NetworkGraphError("uses a pooling that is not square, or padded, or activated: not supported")
        return MaxPool(self._unpadded(sources), output, kernel, stride)

    def _upsample(self, table: Any, sources: tuple[int, ...], output: int) -> Upsample:
        options = _options(tflite.ResizeBilinearOptions, table)
        before, after = self._shapes[sources[0]][1:3], self._shapes[output][1:3]
        factor = after[0] // before[0]
        if not options.HalfPixelCenters() or after != (before[0] * factor, before[1] * factor):
            raise NetworkGraphError("uses a resize that is not half-pixel bilinear by a whole factor: not supported")
        return Upsample(self._unpadded(sources[:1]), output, factor)

    def _depth_to_space(self, table: Any, sources: tuple[int, ...], output: int) -> DepthToSpace:
        options = _options(tflite.DepthToSpaceOptions, table)
        return DepthToSpace(self._unpadded(sources), output, options.BlockSize())

    def _reshape(self, _: Any, sources: tuple[int, ...], output: int) -> Reshape:
        return Reshape(self._unpadded(sources[:1]), output)

    def _concat(self, table: Any, sources: tuple[int, ...], output: int) -> Concat:
        options = _options(tflite.ConcatenationOptions, table)
        if options.Axis() != 1 or len(self._shapes[output]) == 4 or _activation(options) != "none":
            raise NetworkGraphError("concatenates pictures, or not along axis 1: not supported")
        return Concat(self._unpadded(sources), output)

    def _sigmoid(self, _: Any, sources: tuple[int, ...], output: int) -> Sigmoid:
        return Sigmoid(self._unpadded(sources), output)

    def _floats(self, index: int) -> NDArray[np.float32]:
        if index not in self._constants:
            raise NetworkGraphError(f"tensor {index} should hold weights but holds none")
        return self._constants[index].astype(np.float32)

    def _unpadded(self, sources: tuple[int, ...]) -> tuple[int, ...]:
        if any(source in self._padded for source in sources):
            raise NetworkGraphError("pads something else than the input of a convolution: not supported")
        return sources


_READERS: dict[int, Callable[[_Reader, Any, tuple[int, ...], int], Op | None]] = {
    tflite.BuiltinOperator.DEQUANTIZE: _Reader._fold,
    tflite.BuiltinOperator.DENSIFY: _Reader._fold,
    tflite.BuiltinOperator.PAD: _Reader._pad,
    tflite.BuiltinOperator.CONV_2D: _Reader._conv,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _Reader._depthwise_conv,
    tflite.BuiltinOperator.ADD: _Reader._add,
    tflite.BuiltinOperator.MAX_POOL_2D: _Reader._max_pool,
    tflite.BuiltinOperator.RESIZE_BILINEAR: _Reader._upsample,
    tflite.BuiltinOperator.DEPTH_TO_SPACE: _Reader._depth_to_space,
    tflite.BuiltinOperator.RESHAPE: _Reader._reshape,
    tflite.BuiltinOperator.CONCATENATION: _Reader._concat,
    tflite.BuiltinOperator.LOGISTIC: _Reader._sigmoid,
}


def _options(kind: Any, table: Any) -> Any:
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return options


def _activation(options: Any) -> Activation:
    number = options.FusedActivationFunction()
    if number not in _ACTIVATIONS:
        raise NetworkGraphError(f"uses activation number {number}, which is not supported")
    return _ACTIVATIONS[number]


def _square(options: Any) -> int:
    if options.StrideH() != options.StrideW():
        raise NetworkGraphError("uses different strides for rows and columns, which is not supported")
    return int(options.StrideH())


def _pruned(ops: list[Op], needed: set[int]) -> tuple[Op, ...]:
    """Only the operations that the `needed` tensors depend on, in their order."""
    kept: list[Op] = []
    wanted = set(needed)
    for op in reversed(ops):
        if op.output in wanted:
            wanted.update(op.sources)
            kept.append(op)
    return tuple(reversed(kept))
