"""The only place where a pickle is read: arrays and builtins, nothing that could run.

Research data sets (Human3.6M's usual npz, 3DPW) are pickles of plain values, many written by Python 2. A pickle is a
program; this one may call the five constructors below and nothing else.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from training.data_error import DataError

_PLAIN = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)
_BUILTIN_MODULES = frozenset({"builtins", "__builtin__"})
_PYTHON_2_NAMES: dict[str, type] = {"unicode": str, "long": int}
_ARRAY_MODULES = frozenset({"numpy.core.multiarray", "numpy._core.multiarray"})
_BUFFER_MODULES = frozenset({"numpy.core.numeric", "numpy._core.numeric"})


class PickleError(DataError):
    """A pickle asks for more than arrays and builtins, or is damaged; the text names the file and what it asked for."""


def load_pickle(path: Path) -> Any:
    """The value in a pickle file; text of Python 2 is read as latin-1. PickleError or OSError otherwise."""
    return loads(path.read_bytes(), path)


def loads(content: bytes, path: Path | str) -> Any:
    """The value in `content`; `path` is for the text of a PickleError."""
    try:
        return _Unpickler(io.BytesIO(content), path).load()
    except PickleError:
        raise
    except Exception as error:  # a damaged pickle may fail in any constructor and any way
        raise PickleError.of(
            path,
            "pickle",
            f"cannot be read ({type(error).__name__}: {error})",
            cure="the file is damaged, fetch it again",
        ) from error


def load_npz(path: Path) -> dict[str, Any]:
    """The members of an .npz file by name; object arrays go through the same Unpickler. PickleError or OSError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _npy(archive.read(name), path)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except (zipfile.BadZipFile, EOFError) as error:
        raise PickleError.of(
            path, "archive", f"is no npz file ({error})", cure="it is damaged, fetch it again"
        ) from error


def _npy(content: bytes, path: Path) -> Any:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        if not dtype.hasobject:
            stream.seek(0)
            return np.lib.format.read_array(stream, allow_pickle=False)
    except ValueError as error:
        raise PickleError.of(
            path, "array", f"cannot be read ({error})", cure="it is damaged, fetch it again"
        ) from error
    value = loads(stream.read(), path)
    if not isinstance(value, np.ndarray) or value.shape != shape:
        raise PickleError.of(path, "array", "its header and its content differ", cure="it is damaged, fetch it again")
    return value


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, path: Path | str) -> None:
        super().__init__(stream, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may call, by its full name."""
        if module in _BUILTIN_MODULES:
            if name in _PLAIN:
                return getattr(__import__("builtins"), name)
            if name in _PYTHON_2_NAMES:
                return _PYTHON_2_NAMES[name]
        if allowed := _constructor(module, name):
            return allowed
        raise PickleError.of(
            self._path,
            "pickle",
            f"asks for {module}.{name}, and only numpy arrays and builtins are admitted",
            cure="do not open it with other software; fetch the file from its publisher again",
        )

    def persistent_load(self, pid: Any) -> Any:
        raise PickleError.of(
            self._path, "pickle", f"refers to something outside itself ({pid!r})", cure="fetch it again"
        )


def _constructor(module: str, name: str) -> Callable[..., Any] | None:
    if module == "numpy" and name in {"ndarray", "dtype"}:
        return np.ndarray if name == "ndarray" else np.dtype
    if module in _ARRAY_MODULES and name in {"_reconstruct", "scalar"}:
        return _empty_array if name == "_reconstruct" else _scalar
    if module in _BUFFER_MODULES and name == "_frombuffer":
        return _from_buffer
    if (module, name) == ("_codecs", "encode"):
        return _latin1_bytes
    return None


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes | str) -> np.ndarray[Any, Any]:
    """numpy's pickles begin with an empty array, whose content follows as its state."""
    if kind is not np.ndarray or tuple(shape) != (0,) or code not in (b"b", "b"):
        raise ValueError("an array that does not begin empty")
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


def _scalar(dtype: np.dtype[Any], content: bytes | str = b"") -> Any:
    raw = content.encode("latin1") if isinstance(content, str) else content
    if dtype.hasobject:
        raise ValueError("a scalar of objects")
    return np.frombuffer(raw, dtype, count=1)[0]


def _from_buffer(
    content: bytes | bytearray, dtype: np.dtype[Any], shape: tuple[int, ...], order: str = "C"
) -> np.ndarray[Any, Any]:
    if dtype.hasobject:
        raise ValueError("an array of objects as bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if order == "F" else "C")


def _latin1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes for Python 2's protocols."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")
