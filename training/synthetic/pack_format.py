"""The bytes of a pack: a zip archive of arrays and pictures whose manifest holds a sha256 for every member."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import write_atomically
from training.data_error import DataError

FORMAT_VERSION = 2
_MANIFEST = "manifest.json"
_CURE = "make it again with `di2pose data pack`"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same parts give the same bytes


class PackError(DataError):
    """A pack cannot be used; the text names the file, the member and the cure."""


def write_members(path: Path, members: dict[str, bytes], *, about: dict[str, Any]) -> None:
    """All members and a manifest, whole or not at all. OSError where the file cannot be written."""
    manifest = {
        "format_version": FORMAT_VERSION,
        **about,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in {_MANIFEST: json.dumps(manifest, indent=1).encode(), **members}.items():
            pressed = zipfile.ZIP_DEFLATED if name.endswith((".npz", ".json")) else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, pressed)
    write_atomically(path, buffer.getvalue())


def read_members(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """(manifest, members by name), every member compared with its sha256. PackError names what is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except OSError as error:
        raise PackError.of(path, "file", error.strerror or str(error), cure=_CURE) from error
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise PackError.of(path, "file", f"is no whole pack ({error})", cure=_CURE) from error
    manifest = _manifest(path, members.pop(_MANIFEST, b""))
    for name, digest in manifest["sha256"].items():
        if name not in members:
            raise PackError.of(path, name, "is missing", cure=_CURE)
        if hashlib.sha256(members[name]).hexdigest() != digest:
            raise PackError.of(path, name, "differs from its sha256", cure=_CURE)
    return manifest, members


def _manifest(path: Path, content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        version, known = manifest["format_version"], isinstance(manifest["sha256"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise PackError.of(path, _MANIFEST, f"cannot be read ({error!r})", cure=_CURE) from error
    if version != FORMAT_VERSION or not known:
        raise PackError.of(
            path, "format_version", f"is {version}, this version of di2pose reads {FORMAT_VERSION}", cure=_CURE
        )
    return dict(manifest)


def arrays_bytes(**arrays: NDArray[Any]) -> bytes:
    """Named arrays as an .npz without compression of its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, values in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, np.asarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), one.getvalue())
    return buffer.getvalue()


def arrays_of(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of `arrays_bytes`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def webp(image: NDArray[np.uint8], quality: int) -> bytes:
    """(height, width, 3) RGB or (height, width) grey -> WebP."""
    picture = image[..., ::-1] if image.ndim == 3 else image
    done, coded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise PackError("this OpenCV cannot write WebP; pip install --force-reinstall opencv-python")
    return coded.tobytes()


def picture_rgb(content: bytes) -> NDArray[np.uint8]:
    """(height, width, 3) RGB of any picture in a pack."""
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise PackError("a picture of the pack cannot be decoded; use an OpenCV with WebP and JPEG")
    return np.ascontiguousarray(decoded[..., ::-1]).astype(np.uint8, copy=False)
