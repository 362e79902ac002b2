"""The `config.pbtxt` of one model in a Triton repository, in protobuf's text form.

Written by hand, so that exporting needs no package of Triton's; the tests read it with Triton's own schema
(`inference.ModelConfig` of model_config.proto) and a real server has loaded it (docs/experiments.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.build.build_error import BuildError
from engine.build.served import ServedTensors
from engine.runtime.backend import TensorInfo

_TYPES = {
    "bool": "TYPE_BOOL",
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
}
_LONGEST_QUEUE = 64
"""Requests. A line has one on its way at a time, so only what clients gave up on can fill a queue beyond that."""


class Platform(StrEnum):
    ONNX = "onnxruntime_onnx"
    PLAN = "tensorrt_plan"

    @property
    def file_name(self) -> str:
        """What Triton looks for in a version's folder."""
        return "model.plan" if self is Platform.PLAN else "model.onnx"


@dataclass(frozen=True, slots=True)
class TritonConfig:
    """One model. max_batch: rows that the server may put into one run; it says nothing of a graph without batches.

    BuildError for a batch below 1 or a type that Triton does not know.
    """

    name: str
    platform: Platform
    tensors: ServedTensors
    max_batch: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Handed on to clients unread: what the model is made of."""

    def __post_init__(self) -> None:
        if self.max_batch < 1:
            raise BuildError(f"--max-batch must be at least 1, got {self.max_batch}")
        for entry in self.tensors.entries:
            if entry.dtype not in _TYPES:
                raise BuildError(f"{self.name}: {entry.name!r} is {entry.dtype}, which Triton does not serve")

    @property
    def max_batch_size(self) -> int:
        """Triton's: 0 where axes are written in full and requests are never joined."""
        return self.max_batch if self.tensors.is_batched else 0

    @property
    def instances(self) -> int:
        """How many runs at a time. Joined requests need one; where none are joined, a second run overlaps the first."""
        return 1 if self.tensors.is_batched else 2

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"name: {_quoted(self.name)}"
        yield f"platform: {_quoted(self.platform)}"
        yield f"max_batch_size: {self.max_batch_size}"
        for kind, entries in (("input", self.tensors.inputs), ("output", self.tensors.outputs)):
            for entry in entries:
                yield f"{kind} {{ {self._tensor(entry)} }}"
        place = "KIND_GPU" if self.platform is Platform.PLAN else "KIND_AUTO"
        yield f"instance_group {{ count: {self.instances} kind: {place} }}"
        if self.max_batch_size:
            # No queue delay: requests join those that wait while a run goes on, and none waits for others to come.
            yield f"dynamic_batching {{ default_queue_policy {{ max_queue_size: {_LONGEST_QUEUE} }} }}"
        for key, value in self.parameters.items():
            yield f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(value)} }} }}"

    def _tensor(self, entry: TensorInfo) -> str:
        sizes = entry.shape[1:] if self.max_batch_size else entry.shape
        dims = ", ".join("-1" if isinstance(size, str) else str(size) for size in sizes)
        return f"name: {_quoted(entry.name)} data_type: {_TYPES[entry.dtype]} dims: [ {dims} ]"


def _quoted(text: str) -> str:
    """A string of the text form, which knows the escapes that JSON writes for quotes, backslashes and line ends."""
    return json.dumps(text, ensure_ascii=False)
