"""Numbers in safetensors files that are mapped into memory, with a header of strings and a sum of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

_DTYPES = {"F16": np.float16, "F32": np.float32, "U8": np.uint8}
_LARGEST_HEADER = 1 << 20


def file_content(arrays: Mapping[str, NDArray[Any]], header: Mapping[str, str], *, key: str) -> bytes:
    """The bytes of a file. One string under `key` holds all of the header: safetensors writes several in an order that
    changes from run to run."""
    ordered = {name: np.ascontiguousarray(values) for name, values in sorted(arrays.items())}
    return save(ordered, {key: json.dumps(dict(header), sort_keys=True)})


def mapped_file(path: Path, *, key: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Header and tensors, these as views of the file: safetensors' own reader copies them.

    ValueError where the file is none, or of another key; OSError where it cannot be read.
    """
    try:
        content = np.memmap(path, np.uint8, mode="r")
        length = int.from_bytes(content[:8].tobytes(), "little")
        if not 0 < length <= _LARGEST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        described = json.loads(content[8 : 8 + length].tobytes())
        header = dict(json.loads(described.pop("__metadata__")[key]))
        return header, {name: _tensor(content[8 + length :], entry) for name, entry in sorted(described.items())}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"header: {error!r}") from error


def content_sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of names, shapes, types and numbers."""
    digest = hashlib.sha256()
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _tensor(content: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    return content[begin:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
