"""8 bits as Q/DQ pairs in the graph: chosen products get their inputs rounded to int8 or float8, all else is untouched.

The quantizer's graph tells where pairs go and the range of every tensor. Here the steps are written as numbers that
half precision can hold, rounded up so that nothing is cut off, and weights are rounded to these very steps: a plan
whose other operations are in half precision dequantizes with the same numbers, and no step becomes zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from engine.build.calibration import PRODUCTS, Inputs, calibrated, ready_to_quantize
from engine.build.precision import Precision, operation_name

F32 = NDArray[np.float32]

_INT8_MAX = 127
_E4M3_MAX = 448.0
"""Of float8 e4m3fn, ONNX's FLOAT8E4M3FN."""
_SUFFIX = "8bit"
_LEAST_STEP = float(np.finfo(np.float16).smallest_subnormal)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A product that may take 8 bits: its activation with the largest number seen, its weight with one per channel."""

    activation: str
    activation_range: float
    weight: str
    weight_ranges: F32
    axis: int

    @property
    def pairs(self) -> tuple[str, str]:
        """The names of what the product takes instead of activation and weight."""
        return f"{self.activation}.{_SUFFIX}", f"{self.weight}.{_SUFFIX}.axis{self.axis}"


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """single: the graph without any pair. places: by `operation_name`, in the graph's order."""

    single: onnx.ModelProto
    places: Mapping[str, Place]
    precision: Precision
    """int8 or fp8."""

    @classmethod
    def of(cls, model: onnx.ModelProto, precision: Precision, inputs: Inputs) -> Quantized:
        """Calibrates a single-precision graph on these inputs. BuildError where onnxruntime cannot."""
        single = ready_to_quantize(model)
        return cls(single, places_in(calibrated(single, inputs)), precision)

    def with_pairs_at(self, names: Collection[str]) -> onnx.ModelProto:
        """The single-precision graph in which these products compute with 8 bits."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.single)
        _Insertion(copy, self.precision).at({name: self.places[name] for name in names})
        return copy


def places_in(model: onnx.ModelProto) -> dict[str, Place]:
    """Read from a graph of `calibrated`."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made_by = {node.output[0]: node for node in model.graph.node}
    found = {}
    for node in model.graph.node:
        if node.op_type not in PRODUCTS:
            continue
        activation, weight = (_dequantized(made_by, name) for name in node.input[:2])
        quantized = None if activation is None else made_by.get(activation.input[0])
        if weight is None or weight.input[0] not in stored or quantized is None:
            continue
        if stored[weight.input[0]].ndim < 2:  # a vector has no channels, and no 8-bit kernel takes one
            continue
        found[operation_name(node)] = Place(
            activation=quantized.input[0],
            activation_range=float(stored[quantized.input[1]]) * _INT8_MAX,
            weight=weight.input[0].removesuffix("_quantized"),
            weight_ranges=np.atleast_1d(stored[weight.input[1]] * np.float32(_INT8_MAX)),
            axis=_axis(weight),
        )
    return found


def _dequantized(made_by: Mapping[str, NodeProto], name: str) -> NodeProto | None:
    node = made_by.get(name)
    return node if node is not None and node.op_type == "DequantizeLinear" else None


def _axis(node: NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)


class _Insertion:
    def __init__(self, model: onnx.ModelProto, precision: Precision) -> None:
        self._graph = model.graph
        self._kind = TensorProto.FLOAT8E4M3FN if precision is Precision.FP8 else TensorProto.INT8
        self._largest = _E4M3_MAX if precision is Precision.FP8 else _INT8_MAX
        self._weights = {tensor.name: tensor for tensor in self._graph.initializer}
        self._stored: dict[str, TensorProto] = {}
        self._nodes: list[NodeProto] = []
        self._paired: set[str] = set()

    def at(self, places: Mapping[str, Place]) -> None:
        for node in self._graph.node:
            place = places.get(operation_name(node))
            if place is not None:
                node.input[0] = self._activation(place)
                node.input[1] = self._weight(place)
            self._nodes.append(node)
        used = {name for node in self._nodes for name in node.input} | {entry.name for entry in self._graph.output}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        for field, entries in (("node", self._nodes), ("initializer", [*kept, *self._stored.values()])):
            entries = [type(entry).FromString(entry.SerializeToString()) for entry in entries]
            self._graph.ClearField(field)
            getattr(self._graph, field).extend(entries)

    def _activation(self, place: Place) -> str:
        """One pair for all products that take this tensor; sums that take it too get it as it is."""
        name, _ = place.pairs
        if name not in self._paired:
            self._paired.add(name)
            step = half_steps(np.array(place.activation_range / self._largest))
            step_name, zero = self._constants(name, step)
            self._nodes += [
                helper.make_node("QuantizeLinear", [place.activation, step_name, zero], [f"{name}.bits"]),
                helper.make_node("DequantizeLinear", [f"{name}.bits", step_name, zero], [name]),
            ]
        return name

    def _weight(self, place: Place) -> str:
        _, name = place.pairs
        if name not in self._paired:
            self._paired.add(name)
            steps = half_steps(place.weight_ranges / np.float32(self._largest))
            values = numpy_helper.to_array(self._weights[place.weight])
            step_name, zero = self._constants(name, steps)
            bits = self._rounded(values / steps.reshape(_along(place.axis, values.ndim)))
            self._store(bits, f"{name}.bits")
            self._nodes.append(
                helper.make_node("DequantizeLinear", [f"{name}.bits", step_name, zero], [name], axis=place.axis)
            )
        return name

    def _rounded(self, numbers: NDArray[np.floating]) -> NDArray[np.generic]:
        held = np.clip(numbers, -self._largest, self._largest)
        exact = np.rint(held) if self._kind == TensorProto.INT8 else held
        return exact.astype(helper.tensor_dtype_to_np_dtype(self._kind))

    def _constants(self, name: str, steps: F32) -> tuple[str, str]:
        """Names of the stored steps and of the zero, whose type says which 8 bits are meant."""
        self._store(steps, f"{name}.step")
        self._store(np.zeros(steps.shape, helper.tensor_dtype_to_np_dtype(self._kind)), f"{name}.zero")
        return f"{name}.step", f"{name}.zero"

    def _store(self, values: NDArray[np.generic], name: str) -> None:
        self._stored[name] = numpy_helper.from_array(values, name)


def half_steps(steps: NDArray[np.floating]) -> F32:
    """The next larger numbers that half precision can hold; never zero."""
    half = np.maximum(steps, _LEAST_STEP).astype(np.float16)
    half = np.where(half.astype(np.float64) < steps, np.nextafter(half, np.float16(np.inf)), half)
    return np.asarray(half.astype(np.float32))


def _along(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(-1 if each == axis % rank else 1 for each in range(rank))
