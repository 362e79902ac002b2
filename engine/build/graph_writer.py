"""Writing ONNX operations by hand, one call each, under names that cannot collide with those of other graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

Operand = str | float | NDArray[Any]
"""The name of a tensor, or a constant; plain numbers are float32."""


class GraphWriter:
    """Appends operations to `nodes` and their constants to `weights`. All names begin with `room`."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._constants: dict[tuple[str, tuple[int, ...], bytes], TensorProto] = {}
        self.nodes: list[NodeProto] = []

    @property
    def weights(self) -> list[TensorProto]:
        return list(self._constants.values())

    def op(self, kind: str, *operands: Operand, to: str | None = None, **attributes: Any) -> str:
        """The name of the result: `to`, or one of our own."""
        return self.ops(kind, *operands, to=(to,), **attributes)[0]

    def ops(self, kind: str, *operands: Operand, to: tuple[str | None, ...], **attributes: Any) -> tuple[str, ...]:
        """As `op`, for an operation of several results: one entry of `to` for each."""
        number = len(self.nodes)
        names = tuple(
            given or f"{self._room}{number}.{kind}{f'.{index}' if index else ''}" for index, given in enumerate(to)
        )
        inputs = [entry if isinstance(entry, str) else self.constant(entry) for entry in operands]
        self.nodes.append(helper.make_node(kind, inputs, list(names), name=f"{self._room}{number}", **attributes))
        return names

    def constant(self, values: float | NDArray[Any]) -> str:
        """Equal constants are stored once."""
        array = values if isinstance(values, np.ndarray) else np.float32(values)
        stored = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (str(stored.dtype), stored.shape, stored.tobytes())
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(stored, f"{self._room}constant.{len(self._constants)}")
        return self._constants[key].name

    def shaped(self, tensor: str, *sizes: int) -> str:
        """0 keeps an axis, the batch that is."""
        return self.op("Reshape", tensor, np.array(sizes, np.int64))

    def sliced(self, tensor: str, begin: int, end: int, *, axis: int = -1) -> str:
        return self.op("Slice", tensor, *(np.array([number], np.int64) for number in (begin, end, axis)))

    def total(self, tensor: str, *, axis: int = -1) -> str:
        """Summed along an axis, which stays with one entry."""
        return self.op("ReduceSum", tensor, np.array([axis], np.int64), keepdims=1)

    def joined(self, *tensors: str, axis: int = -1, to: str | None = None) -> str:
        return self.op("Concat", *tensors, axis=axis, to=to)

    def cast(self, tensor: str, kind: int) -> str:
        """kind: of `onnx.TensorProto`. The operation's own attribute is called as our target is."""
        name = self.op("Cast", tensor)
        self.nodes[-1].attribute.append(helper.make_attribute("to", kind))
        return name
