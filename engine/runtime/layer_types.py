"""Which number types the layers of a plan compute with, read from what the library's engine inspector says.

The inspector's JSON is `{"Layers": [{"LayerType": ..., "Inputs": [{"Format/Datatype": ...}], "Outputs": [...]}]}`; with
a plan that was built without detail each layer is its bare name. TensorRT 8 writes the type in a sentence ("Row major
linear FP16"), TensorRT 10 as a name ("Half"). TensorRT 11 and TensorRT for RTX write layout and type apart, so that the
type is told where the layout depends on shapes; of the type's key both spellings are about.

Sources: NVIDIA's TensorRT documentation, "Engine Inspector" and "Migrating IEngineInspector Usage from TensorRT 10.x to
11.x"; the library of TensorRT for RTX 1.7.1, which has the key `Datatype` and no `Format/Datatype`; the graphs of real
plans in github.com/NVIDIA/TensorRT, tag v10.0.0, tools/experimental/trt-engine-explorer; for a plan without detail
issue 4020 there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import msgspec

from engine.runtime.backend import BackendError

LayerTypes = dict[str, dict[str, int]]
"""How many layers of a class take and give which types: `{"CaskConvolution": {"float16": 40}, "Reformat": {"float32 to
float16": 1}}`."""

_TYPES = {
    "float32": "fp32 float float32",
    "tf32": "tf32",
    "float16": "fp16 half float16",
    "bfloat16": "bf16 bfloat16",
    "float8": "fp8 float8",
    "float4": "fp4 float4",
    "int8": "int8",
    "uint8": "uint8",
    "int4": "int4",
    "int32": "int32",
    "int64": "int64",
    "bool": "bool boolean",
}
_NAMES = {word: name for name, words in _TYPES.items() for word in words.split()}
_TYPE_KEYS = ("DataType", "Datatype", "Format/Datatype", "Format")
"""Where a tensor's type stands, the surest first: TensorRT 11's documents, TensorRT for RTX, TensorRT 8 and 10, and the
sentence of the layout, which names the type as well."""
_UNTOLD = "untold"
"""Stands for what the inspector does not tell, such as formats that depend on shapes."""


class InspectionError(BackendError):
    """The library does not tell what is in a plan; the text says why and what to do."""


def layer_types(text: str) -> LayerTypes:
    """text: of `get_engine_information` in the JSON format. Classes and types are sorted by name.

    InspectionError where it is no such JSON, or tells no types.
    """
    layers = _layers(text)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for layer in layers:
        taken, given = (_types(layer.get(side)) for side in ("Inputs", "Outputs"))
        counted[str(layer.get("LayerType", _UNTOLD))][taken if taken == given else f"{taken} to {given}"] += 1
    if all(set(types) <= {_UNTOLD} for types in counted.values()):
        raise InspectionError(
            f"the library tells the types of none of {len(layers)} layers: the plan was built without detail, or by a "
            f"release that writes them otherwise. Build the plan again with `di2pose build`"
        )
    return {kind: dict(sorted(counted[kind].items())) for kind in sorted(counted)}


def _layers(text: str) -> list[dict[str, Any]]:
    try:
        told = msgspec.json.decode(text)
        layers = told["Layers"]
    except (msgspec.DecodeError, TypeError, KeyError) as error:
        raise InspectionError(
            f"what the library says of the plan's layers is not understood ({type(error).__name__}: {text[:60]!r}); "
            f"install a release of the library that this version knows"
        ) from error
    if not isinstance(layers, list) or not layers:
        raise InspectionError("the library names no layers of the plan; build it again with `di2pose build`")
    # Bare names: the plan was built without detail.
    return [layer if isinstance(layer, dict) else {} for layer in layers]


def _types(tensors: Any) -> str:
    """The different types of some tensors, in their order."""
    if not isinstance(tensors, list) or not tensors:
        return _UNTOLD
    return ", ".join(dict.fromkeys(_type(tensor) for tensor in tensors))


def _type(tensor: Any) -> str:
    told = " ".join(str(tensor.get(key, "")) for key in _TYPE_KEYS) if isinstance(tensor, dict) else ""
    words = re.findall(r"[a-z]+[0-9]*", told.lower())
    return next((_NAMES[word] for word in words if word in _NAMES), _UNTOLD)
