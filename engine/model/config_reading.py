"""TOML to nested frozen dataclasses and back, strictly: nothing unknown, nothing missing, nothing of another type."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Config = TypeVar("_Config")


class ConfigError(ValueError):
    """A setting is unknown, missing or impossible; the text quotes it and says what is allowed."""


def read(kind: type[_Config], text: str) -> _Config:
    """Parse TOML into `kind`; ConfigError quotes the setting at fault by its dotted name."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}") from error
    return _table(kind, content, "")


def write(config: object) -> str:
    """TOML that `read` turns into an equal configuration."""
    return "\n".join(_lines(config, "")) + "\n"


def _table(kind: type[_Config], values: Any, prefix: str) -> _Config:
    if not isinstance(values, dict):
        raise ConfigError(f"{prefix.rstrip('.')} must be a table, got {values!r}")
    known: dict[str, Field[Any]] = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(f"unknown setting {prefix}{name} = {values[name]!r}; known here: {', '.join(known)}")
    for name, entry in known.items():
        if name not in values and entry.default is MISSING and entry.default_factory is MISSING:
            raise ConfigError(f"setting {prefix}{name} is missing; add it")
    hints = get_type_hints(kind)
    parsed = {name: _value(hints[name], value, prefix + name) for name, value in values.items()}
    try:
        return kind(**parsed)
    except ConfigError as error:
        raise ConfigError(f"{prefix}{error}") from error


def _value(hint: Any, value: Any, name: str) -> Any:
    if is_dataclass(hint):
        return _table(hint, value, name + ".")  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{name} must be a list, got {value!r}")
        return tuple(_value(get_args(hint)[0], item, name) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{name} must be a {hint.__name__}, got {value!r}")
    return value


def _lines(config: object, prefix: str) -> list[str]:
    tables: list[str] = []
    lines: list[str] = []
    for entry in fields(config):  # type: ignore[arg-type]
        value = getattr(config, entry.name)
        if is_dataclass(value):
            tables += ["", f"[{prefix}{entry.name}]", *_lines(value, f"{prefix}{entry.name}.")]
        else:
            # JSON's notation of strings, numbers, booleans and lists of them is also TOML's.
            lines.append(f"{entry.name} = {json.dumps(list(value) if isinstance(value, tuple) else value)}")
    return lines + tables
