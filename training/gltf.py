"""Reading binary glTF 2.0 (GLB) into arrays: what the avatars use of the format and nothing more.

Covers EXT_meshopt_compression, KHR_mesh_quantization and EXT_texture_webp (Khronos glTF extension registry).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC, _JSON_CHUNK, _BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
_KNOWN_EXTENSIONS = {"EXT_meshopt_compression", "KHR_mesh_quantization", "EXT_texture_webp"}
_COMPONENTS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class AvatarError(ValueError):
    """An avatar file cannot be used; the text names the file, the cause and the cure."""


@dataclass(slots=True)
class Glb:
    """An open file: the JSON document, the binary chunk, and buffer views decoded when first asked for."""

    path: Path
    document: dict[str, Any]
    binary: bytes
    decoded: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def accessor(self, index: int) -> NDArray[Any]:
        """(count, width) of the stored type; normalised integers become float32 in -1..1 as glTF defines."""
        accessor = self.document["accessors"][index]
        kind = np.dtype(_COMPONENTS[accessor["componentType"]])
        width, count = _WIDTHS[accessor["type"]], accessor["count"]
        view = self.document["bufferViews"][accessor["bufferView"]]
        stride = view.get("byteStride", width * kind.itemsize)
        start = accessor.get("byteOffset", 0)
        data = self.view(accessor["bufferView"])
        if start + (count - 1) * stride + width * kind.itemsize > len(data):
            raise AvatarError(
                f"{self.path}: accessor {index} reaches past its buffer; the file is damaged, fetch it again"
            )
        values = np.ndarray((count, width), kind, data, start, (stride, kind.itemsize))
        if accessor.get("normalized"):
            largest = 2 ** (8 * kind.itemsize - (kind.kind == "i")) - 1
            fractions: NDArray[np.float32] = np.maximum(values.astype(np.float32) / largest, np.float32(-1.0))
            return fractions
        return values.copy()

    def view(self, index: int) -> NDArray[np.uint8]:
        """The bytes of a buffer view, decompressed."""
        if index not in self.decoded:
            view = self.document["bufferViews"][index]
            packed = view.get("extensions", {}).get("EXT_meshopt_compression")
            self.decoded[index] = self._unpacked(packed) if packed else np.frombuffer(self._bytes(view), np.uint8)
        return self.decoded[index]

    def _bytes(self, view: dict[str, Any]) -> bytes:
        start, length = view.get("byteOffset", 0), view["byteLength"]
        if view["buffer"] != 0 or start + length > len(self.binary):
            raise AvatarError(f"{self.path}: a buffer lies outside the file; it is damaged, fetch it again")
        return self.binary[start : start + length]

    def _unpacked(self, packed: dict[str, Any]) -> NDArray[np.uint8]:
        try:
            import meshoptimizer
        except ImportError as error:
            raise AvatarError(f"{self.path} is compressed: pip install 'di2pose[data]'") from error
        count, stride, source = packed["count"], packed["byteStride"], self._bytes(packed)
        try:
            if packed["mode"] == "ATTRIBUTES":
                # With dtype=uint8 the binding allocates `count` bytes and writes `count * stride`: never pass dtype.
                values = meshoptimizer.decode_vertex_buffer(count, stride, source)
            else:
                values = meshoptimizer.decode_index_buffer(count, stride, source)
        except (RuntimeError, ValueError) as error:
            raise AvatarError(f"{self.path}: mesh data cannot be decoded ({error}); fetch the file again") from error
        data = np.ascontiguousarray(values).view(np.uint8).reshape(-1)
        if packed.get("filter", "NONE") == "OCTAHEDRAL" and stride == 4:
            data = _octahedral(data.view(np.int8).reshape(-1, 4)).view(np.uint8).reshape(-1)
        return data

    def image_rgb(self, index: int) -> NDArray[np.uint8]:
        """Texture `index` as (height, width, 3)."""
        from PIL import Image

        texture = self.document["textures"][index]
        source = texture.get("extensions", {}).get("EXT_texture_webp", texture).get("source")
        if source is None:
            raise AvatarError(f"{self.path}: texture {index} has no image; use a file with embedded textures")
        data = self.view(self.document["images"][source]["bufferView"])
        try:
            return np.asarray(Image.open(BytesIO(data.tobytes())).convert("RGB"))
        except OSError as error:
            raise AvatarError(
                f"{self.path}: texture {index} cannot be decoded ({error}); fetch the file again"
            ) from error


def read_glb(path: Path) -> Glb:
    """Open a GLB file. AvatarError where it is absent, truncated, or needs extensions that are not read here."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AvatarError(f"{path}: {error.strerror}; give a .glb avatar as docs/data.md describes") from error
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != _MAGIC:
        raise AvatarError(f"{path} is not a binary glTF file; give a .glb avatar as docs/data.md describes")
    total = struct.unpack_from("<I", data, 8)[0]
    if total > len(data):
        raise AvatarError(f"{path} is truncated: {len(data)} of {total} bytes; fetch it again")
    chunks = dict(_chunks(data, total))
    try:
        document = json.loads(chunks[_JSON_CHUNK])
    except (KeyError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AvatarError(f"{path}: no readable glTF document ({error}); fetch the file again") from error
    unknown = set(document.get("extensionsRequired", ())) - _KNOWN_EXTENSIONS
    if unknown:
        raise AvatarError(f"{path} needs {', '.join(sorted(unknown))}; export it without, or as VALID publishes it")
    return Glb(path, document, chunks.get(_BINARY_CHUNK, b""))


def _chunks(data: bytes, total: int) -> list[tuple[int, bytes]]:
    found, start = [], 12
    while start + 8 <= total:
        length, kind = struct.unpack_from("<II", data, start)
        found.append((kind, data[start + 8 : start + 8 + length]))
        start += 8 + length
    return found


def _octahedral(packed: NDArray[np.int8]) -> NDArray[np.int8]:
    """The octahedral filter of EXT_meshopt_compression: (n, 4) of x, y, one, w -> unit normals times 127, and w."""
    x, y, one = packed[:, :3].astype(np.float32).T
    z = one - np.abs(x) - np.abs(y)
    fold = np.minimum(z, 0.0)
    x, y = x - np.copysign(fold, x), y - np.copysign(fold, y)
    normals = np.stack([x, y, z], axis=1)
    normals *= 127.0 / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return np.concatenate([np.rint(normals).astype(np.int8), packed[:, 3:]], axis=1)
