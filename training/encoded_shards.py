"""Sets of encoded crops: as `training.synthetic.rendering` makes them, but numbers in place of pictures, 17 kB each.

A folder holds `encoded-00000.safetensors` and so on beside `dataset.json`.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import sha256_of
from engine.blazepose.networks import eight_bit_id
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from training.data_error import DataError
from training.live_rows import LiveRows, row_of
from training.synthetic.clock import StageClock
from training.synthetic.encode import crop_encoder
from training.synthetic.recipe import Recipe
from training.synthetic.scene import CROP_SIZE_PX, Crop
from training.synthetic.shard_form import WriteShard
from training.synthetic.shards import Shard, ShardError
from training.synthetic.tensor_file import content_sha256, file_content, mapped_file
from training.synthetic.whole_file import WholeFile

FORMAT_VERSION = 2
_KEY = "encoded"
_CURE = "run the command that wrote the folder again: it makes this file anew"
_ABOUT = "about"


class EncodingError(DataError):
    """Crops cannot be encoded as asked; the text says why and what fits."""


class EncodedShards:
    """A `ShardForm`: safetensors files of `LiveRows`."""

    pattern = "encoded-*.safetensors"

    def name(self, number: int) -> str:
        return f"encoded-{number:05d}.safetensors"

    def made_with(self) -> Mapping[str, str]:
        return {
            "encoded_format": str(FORMAT_VERSION),
            "landmark_network": eight_bit_id(),
            "onnxruntime": importlib.metadata.version("onnxruntime"),
        }

    @contextmanager
    def writer(self) -> Iterator[WriteShard]:
        with crop_encoder() as encoder:
            yield _Writer(encoder)

    def recovered(self, path: Path, numbers: range) -> Shard:
        header, arrays = _read(path)
        rows = _rows(arrays, path)
        if (header.get("first"), len(rows)) != (str(numbers[0]), len(numbers)):
            raise ShardError.of(path, "crops", f"are not the numbers {numbers[0]} to {numbers[-1]}", cure=_CURE)
        if header.get("content_sha256") != content_sha256(arrays):
            raise ShardError.of(path, "content_sha256", "the numbers are damaged", cure=_CURE)
        return Shard(path.name, len(rows), path.stat().st_size, sha256_of(path))


@dataclass(frozen=True, slots=True)
class _Writer:
    encoder: BlazePoseEncoder

    def __call__(self, path: Path, crops: Iterable[Crop], *, first: int, clock: StageClock) -> Shard:
        rows, about = [], []
        for crop in crops:
            with clock.stage("encode"):
                rows.append(row_of(crop, self.encoder))
            about.append(dict(crop.about))
        with clock.stage("write"):
            text = json.dumps(about, default=str).encode()
            arrays = {**LiveRows.stacked(rows).arrays(), _ABOUT: np.frombuffer(text, np.uint8)}
            header = {
                "format_version": str(FORMAT_VERSION),
                "first": str(first),
                "content_sha256": content_sha256(arrays),
            }
            with WholeFile(path) as file:
                file.write(file_content(arrays, header, key=_KEY))
        return Shard(path.name, len(rows), path.stat().st_size, sha256_of(path))


def read_rows(path: Path) -> tuple[LiveRows, list[dict[str, Any]]]:
    """The rows of a shard, mapped into memory, and what is known of each. ShardError where the file is damaged."""
    _, arrays = _read(path)
    rows = _rows(arrays, path)
    try:
        about = json.loads(arrays[_ABOUT].tobytes())
    except (KeyError, ValueError) as error:
        raise ShardError.of(path, _ABOUT, f"unreadable ({error!r})", cure=_CURE) from error
    return rows, about


def encodable(recipe: Recipe, *, first: int | None = None) -> Recipe:
    """What is encoded of a set: its crops or, of a patch test, each of them with the patch at every position.

    `first` takes only so many crops. Of a patch test a shard holds all positions of one crop. EncodingError where crops
    are cut to a window for no patch: the landmark network cannot read them.
    """
    if first is not None:
        recipe = replace(recipe, count=min(first, recipe.count))
    if recipe.patch is not None:
        positions = len(recipe.patch.positions(recipe.window_wh or (CROP_SIZE_PX, CROP_SIZE_PX)))
        return replace(recipe, count=recipe.count * positions, crops_per_shard=positions, window_wh=None)
    if recipe.window_wh is not None:
        width, height = recipe.window_wh
        raise EncodingError(f"crops cut to {width} x {height} cannot be encoded; encode a set of whole crops")
    return recipe


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    try:
        header, arrays = mapped_file(path, key=_KEY)
    except (OSError, ValueError) as error:
        raise ShardError.of(path, "content", f"no file of encodings ({error})", cure=_CURE) from error
    if header.get("format_version") != str(FORMAT_VERSION):
        found = header.get("format_version")
        raise ShardError.of(path, "format_version", f"{found!r}, this version reads {FORMAT_VERSION}", cure=_CURE)
    return header, arrays


def _rows(arrays: dict[str, NDArray[Any]], path: Path) -> LiveRows:
    try:
        return LiveRows(**{name: values for name, values in arrays.items() if name != _ABOUT})
    except TypeError as error:
        raise ShardError.of(path, "tensors", str(error), cure=_CURE) from error
