"""The tensors of a plan: their sizes for a batch, the room that the largest one takes, how groups are split.

Pure bookkeeping. This project's graphs have one open axis, the first, which counts pictures or persons.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.runtime.backend import Arrays, BackendError, TensorInfo

BATCH = "batch"


@dataclass(frozen=True, slots=True)
class PlanTensor:
    name: str
    shape: tuple[int, ...]
    """-1 where the plan leaves the size open."""
    dtype: str
    is_input: bool
    largest: tuple[int, ...] | None = None
    """Of an input: what the profile takes at most."""
    smallest: tuple[int, ...] | None = None

    @property
    def is_batched(self) -> bool:
        return bool(self.shape) and self.shape[0] == -1

    def sizes(self, batch: int) -> tuple[int, ...]:
        return (batch, *self.shape[1:]) if self.is_batched else self.shape

    def bytes_for(self, batch: int) -> int:
        return math.prod(self.sizes(batch)) * np.dtype(self.dtype).itemsize

    def info(self) -> TensorInfo:
        return TensorInfo(self.name, (BATCH, *self.shape[1:]) if self.is_batched else self.shape, self.dtype)


@dataclass(frozen=True, slots=True)
class PlanLayout:
    plan: str
    """For messages."""
    tensors: tuple[PlanTensor, ...]
    least: int
    most: int
    """How large a batch one run takes; 1 where no axis is open."""

    @classmethod
    def of(cls, plan: str, tensors: Sequence[PlanTensor]) -> Self:
        """BackendError for open axes other than the first one."""
        for tensor in tensors:
            if -1 in tensor.shape[1:]:
                raise BackendError(
                    f"{plan}: {tensor.name!r} has the shape {tensor.shape}; only the first axis may be open. "
                    f"Build a plan of one of this project's graphs, or give the sizes when exporting"
                )
        open_inputs = [tensor for tensor in tensors if tensor.is_input and tensor.is_batched]
        least = max((tensor.smallest[0] for tensor in open_inputs if tensor.smallest), default=1)
        most = min((tensor.largest[0] for tensor in open_inputs if tensor.largest), default=1)
        if least > most:
            raise BackendError(f"{plan}: its inputs take no common number of persons; build it again")
        return cls(plan, tuple(tensors), least, most)

    @property
    def inputs(self) -> tuple[PlanTensor, ...]:
        return tuple(tensor for tensor in self.tensors if tensor.is_input)

    @property
    def outputs(self) -> tuple[PlanTensor, ...]:
        return tuple(tensor for tensor in self.tensors if not tensor.is_input)

    def batch_of(self, inputs: Arrays) -> int:
        """How many pictures or persons these are. BackendError names what is missing, unknown or does not fit."""
        known = {tensor.name: tensor for tensor in self.inputs}
        if set(inputs) != set(known):
            raise BackendError(f"{self.plan} takes the inputs {sorted(known)}, got {sorted(inputs)}")
        batches = {len(inputs[name]) for name, tensor in known.items() if tensor.is_batched and inputs[name].ndim}
        if len(batches) > 1:
            raise BackendError(f"{self.plan}: the inputs speak of {sorted(batches)} persons; they must agree")
        batch = batches.pop() if batches else 1
        for name, tensor in known.items():
            self._check(tensor, inputs[name], batch)
        if batch < self.least:
            raise BackendError(
                f"{self.plan} takes {self.least} to {self.most} persons, got {batch}; build it for fewer with "
                f"--minShapes"
            )
        return batch

    def _check(self, tensor: PlanTensor, array: NDArray[Any], batch: int) -> None:
        if array.dtype != np.dtype(tensor.dtype) or array.shape != tensor.sizes(batch):
            raise BackendError(
                f"{self.plan}: input {tensor.name!r} must be {tensor.info().shape} {tensor.dtype}, "
                f"got {array.shape} {array.dtype}"
            )

    def parts(self, batch: int) -> Iterator[slice]:
        """The group in parts that one run takes, as even as can be, so that none falls below the least."""
        count = max(1, math.ceil(batch / self.most))
        begin = 0
        for index in range(count):
            size = batch // count + (index < batch % count)
            if size < self.least:
                raise BackendError(
                    f"{self.plan} takes {self.least} to {self.most} persons at once and {batch} cannot be split so; "
                    f"build it with another --minShapes"
                )
            yield slice(begin, begin + size)
            begin += size
