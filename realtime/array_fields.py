"""Fields of messages that hold arrays: how they are described, checked, and turned into bytes or nested lists.

On the wire every array is little-endian float32, row-major, without header: its shape is fixed by the field. In the
JSON forms it is nested lists. Truth values travel as 0.0 and 1.0, and as true and false in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast, get_args, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Truth = NDArray[np.bool_]

_WIRE = np.dtype("<f4")


def said(text: str, unit: str = "", **limits: Any) -> msgspec.Meta:
    """Describes a field for the JSON Schema and the table in docs/stream.md; `limits` are those of msgspec.Meta."""
    return msgspec.Meta(description=text, extra={"unit": unit}, **limits)


def rows(shape: tuple[int, ...], unit: str, text: str) -> msgspec.Meta:
    """Describes an array field. A first length of -1 is free; `unit` is 'bool' for truth values."""
    schema: dict[str, Any] = {"type": "boolean"} if unit == "bool" else {"type": "number"}
    for length in reversed(shape):
        limits = {"minItems": 1} if length < 0 else {"minItems": length, "maxItems": length}
        schema = {"type": "array", "items": schema, **limits}
    return msgspec.Meta(description=text, extra={"unit": unit, "shape": shape}, extra_json_schema=schema)


class WithArrays(msgspec.Struct, frozen=True, kw_only=True):
    """A message part whose arrays have the declared shape and are finite; ValueError names one that is not."""

    def __post_init__(self) -> None:
        for field in _array_fields(type(self)):
            given = getattr(self, field.name)
            if given is not None and (shaped := field.shaped(given)) is not given:
                msgspec.structs.force_setattr(self, field.name, shaped)


def packed(value: object) -> bytes:
    """The msgpack form of an array; NotImplementedError for anything else is how msgspec's hooks say no."""
    if isinstance(value, np.ndarray):
        return value.astype(_WIRE, copy=False).tobytes()
    raise NotImplementedError(f"{type(value).__name__} does not travel on the stream")


def unpacked(wanted: type, given: object) -> NDArray[Any]:
    """The flat array of a field of type `wanted`; read-only, it shares the bytes that were received."""
    if not isinstance(given, bytes) or len(given) % _WIRE.itemsize:
        raise ValueError(f"arrays are float32 binary, got {type(given).__name__}")
    flat = np.frombuffer(given, _WIRE)
    if not _is_truth(wanted):
        return flat
    if not np.isin(flat, (0.0, 1.0)).all():
        raise ValueError("truth values are 0.0 or 1.0")
    return np.not_equal(flat, 0)


def listed(value: object) -> list[Any]:
    """The JSON form of an array, in the shortest digits that give the same float32 back."""
    if not isinstance(value, np.ndarray):
        raise NotImplementedError(f"{type(value).__name__} does not travel on the stream")
    exact = value if value.dtype == np.bool_ else value.astype(str).astype(np.float64)
    return cast(list[Any], exact.tolist())


def unlisted(wanted: type, given: object) -> NDArray[Any]:
    """The array of a JSON field."""
    if not isinstance(given, list):
        raise ValueError(f"arrays are nested lists, got {type(given).__name__}")
    if _is_truth(wanted):
        return np.asarray(given, np.bool_)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and that is refused by name
        return np.asarray(given, np.float32)


def described(annotation: Any) -> msgspec.Meta | None:
    """The description inside an annotation such as `Annotated[F32, rows(...)] | None`."""
    for part in get_args(annotation):
        if isinstance(part, msgspec.Meta):
            return part
        if found := described(part):
            return found
    return None


@dataclass(frozen=True, slots=True)
class _ArrayField:
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def shaped(self, values: NDArray[Any]) -> NDArray[Any]:
        """The same values in the declared shape: flat from the wire, already shaped from our own code."""
        lengths = self.shape[1:] if self.shape[0] < 0 else self.shape
        if values.shape[-len(lengths) :] != lengths or values.ndim != len(self.shape):
            values = self._unflattened(values)
        if values.dtype != self.dtype:
            raise ValueError(f"{self.name} must be {self.dtype}, got {values.dtype}")
        if self.dtype != np.bool_ and not np.isfinite(values).all():
            raise ValueError(f"{self.name} holds a value that is not finite; unknown is null")
        return values

    def _unflattened(self, values: NDArray[Any]) -> NDArray[Any]:
        wrong = f"{self.name} must have shape {self.shape}, got {values.shape}"
        if values.ndim != 1 or not values.size:
            raise ValueError(wrong)
        try:
            return values.reshape(self.shape)
        except ValueError:
            raise ValueError(wrong) from None


@cache
def _array_fields(struct: type[WithArrays]) -> tuple[_ArrayField, ...]:
    found = []
    for name, annotation in get_type_hints(struct, include_extras=True).items():
        meta = described(annotation)
        if meta is not None and meta.extra is not None and "shape" in meta.extra:
            dtype = np.dtype(np.bool_ if meta.extra["unit"] == "bool" else np.float32)
            found.append(_ArrayField(name, meta.extra["shape"], dtype))
    return tuple(found)


def _is_truth(wanted: type) -> bool:
    return wanted == Truth
