"""The two libraries that build and run plans. Their Python interfaces mirror each other, so one code serves both.

The module is imported by name, here only: everything else gets it from `installed_library`.
"""

from __future__ import annotations

import importlib
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)


class LibraryMissingError(RuntimeError):
    """The library is unknown, not installed or cannot be loaded; the text says what to install."""


@dataclass(frozen=True, slots=True)
class Library:
    name: str
    """`tensorrt` or `tensorrt-rtx`, as options and sidecars write it."""
    version: str
    module: Any


@dataclass(frozen=True, slots=True)
class _Source:
    module: str
    extra: str


_SOURCES = {"tensorrt": _Source("tensorrt", "gpu"), "tensorrt-rtx": _Source("tensorrt_rtx", "gpu-rtx")}
LIBRARIES = tuple(_SOURCES)
RTX_TARGETS = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")
"""What TensorRT for RTX 1.7 builds for; another release is asked itself (`engine.build.builder`)."""


def installed_library(name: str) -> Library:
    """The library by its name. LibraryMissingError where it cannot be used."""
    if name not in _SOURCES:
        raise LibraryMissingError(f"there is no library {name!r}; choose {' or '.join(LIBRARIES)}")
    source = _SOURCES[name]
    try:
        module = importlib.import_module(source.module)
    except (ImportError, OSError, RuntimeError) as error:  # the wheel's loader raises any of them for its parts
        raise LibraryMissingError(
            f"{name} cannot be imported ({error}); install it: pip install 'di2pose[{source.extra}]'"
        ) from error
    return Library(name, str(module.__version__), module)


def hearing_logger(trt: Any, said: list[str] | deque[str]) -> Any:
    """A logger for the library that appends its errors to `said`, for messages, and hands the rest to logging."""

    class Heard(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.ERROR:
                said.append(message)
            log.debug("%s: %s", severity, message)

    return Heard()
