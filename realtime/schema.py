"""The stream described from its own classes: a JSON Schema of the JSON forms, and the table of docs/stream.md."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from realtime import topics
from realtime.announcements import Percentiles
from realtime.array_fields import described
from realtime.codec import MESSAGES, Message
from realtime.message import Header, Intrinsics, PersonMessage, Points33Message

PARTS: tuple[type[msgspec.Struct], ...] = (PersonMessage, Points33Message, Intrinsics, Percentiles)

_WORDS: dict[Any, str] = {int: "integer", float: "number", str: "string", bool: "true/false"}


def json_schema() -> dict[str, Any]:
    """Draft 2020-12; a line of `di2pose watch --json` is valid when it matches one of the kinds."""
    schema = msgspec.json.schema(Message, schema_hook=lambda _: {"type": "array"})
    for message in MESSAGES:
        _require_header(schema["$defs"][message.__name__])
    about = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Di2Pose stream, version {topics.VERSION}: JSON forms",
    }
    return about | schema


def tables() -> str:
    """Markdown: a table for the header, one per kind, one per part."""
    sections = [_section("Header of every message", Header, set())]
    shared = set(Header.__struct_fields__)
    sections += [_section(f"`{message.kind}`", message, shared) for message in MESSAGES]
    sections += [_section(f"Part: {part.__name__.removesuffix('Message')}", part, set()) for part in PARTS]
    return "\n\n".join(sections)


def _require_header(definition: dict[str, Any]) -> None:
    """The defaults of our classes mean "not sent yet"; what has been sent has them all, null included."""
    definition["required"] = list(definition["properties"])
    for name in Header.__struct_fields__:
        definition["properties"][name].pop("default")
    definition["properties"]["version"]["const"] = topics.VERSION


def _section(title: str, struct: type[msgspec.Struct], without: set[str]) -> str:
    hints = get_type_hints(struct, include_extras=True)
    lines = [f"### {title}", "", _promise(struct), "", "| field | type | unit | meaning |", "|---|---|---|---|"]
    lines += [_row(name, hints[name]) for name in struct.__struct_fields__ if name not in without]
    return "\n".join(lines)


def _row(name: str, annotation: Any) -> str:
    meta = described(annotation)
    if meta is None or meta.description is None or meta.extra is None:
        raise TypeError(f"field {name} is not described: annotate it with said() or rows()")
    kind = _array(meta.extra["shape"], meta.extra["unit"]) if "shape" in meta.extra else _type(annotation)
    if "shape" in meta.extra and NoneType in get_args(annotation):
        kind += " or null"
    unit = "" if meta.extra["unit"] == "bool" else meta.extra["unit"]
    return f"| `{name}` | {kind} | {unit} | {meta.description} |"


def _array(shape: tuple[int, ...], unit: str) -> str:
    lengths = ", ".join("n" if length < 0 else str(length) for length in shape)
    return f"float32 ({lengths}), 0.0 or 1.0" if unit == "bool" else f"float32 ({lengths})"


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is tuple:
        return f"list of {len(inner)} {_type(inner[0])}s"
    if origin is dict:
        return f"map from {_type(inner[0])} to {_type(inner[1])}"
    if inner and isinstance(inner[0], str):
        return "one of " + ", ".join(f"`{word}`" for word in inner)
    if inner:
        return " or ".join("null" if part is NoneType else _type(part) for part in inner)
    if annotation in _WORDS:
        return _WORDS[annotation]
    return str(annotation.__name__).removesuffix("Message")


def _promise(struct: type[msgspec.Struct]) -> str:
    return str(struct.__doc__).splitlines()[0]
