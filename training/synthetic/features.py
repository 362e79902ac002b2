"""Encodings of many crops, computed once and kept in files that training maps into memory.

A directory of shards `features-FIRST.safetensors`: safetensors files, named by the number of their first crop. A shard
appears whole or not at all, so an interrupted run goes on behind the last one.
Each holds the sha256 of its numbers and the name of the network that they come from.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.blazepose.cache import write_atomically
from engine.blazepose.networks import eight_bit_id
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from training.data_error import DataError
from training.synthetic.encode import EncodedCrops, encodings
from training.synthetic.tensor_file import content_sha256, file_content, mapped_file

log = logging.getLogger(__name__)

FORMAT_VERSION = 2
SHARD_CROPS = 2048
_CURE = "delete it and encode the crops again"
_KEY = "features"

Report = Callable[[int], None]
"""Called with the number of crops that are stored."""


class FeatureFileError(DataError):
    """Stored features cannot be used: damaged, of another format, of another network or of other crops."""


def store_features(
    images: Iterable[NDArray[np.uint8]],
    directory: Path,
    *,
    encoder: BlazePoseEncoder,
    crops_id: str,
    shard_crops: int = SHARD_CROPS,
    report: Report = lambda _: None,
) -> int:
    """Encode (256, 256, 3) images into shards and return how many crops are stored.

    `crops_id` says what the images are (the name and seed of a data set); shards that are there already are kept if
    they are of the same crops, and their images are passed over. FeatureFileError where they are not; OSError where
    the disk is full, without a half-written shard.
    """
    rest, stored = iter(images), 0
    for shard in _shards_in(directory):
        shard.check(maps=encoder.maps, crops_id=crops_id, first=stored)
        passed = sum(1 for _ in itertools.islice(rest, shard.count))
        if passed < shard.count:
            raise FeatureFileError.of(shard.path, "first", f"holds more than the {stored + passed} images", cure=_CURE)
        stored += passed
        report(stored)
    while batch := list(encodings(itertools.islice(rest, shard_crops), encoder)):
        _write(directory, EncodedCrops.of(batch), first=stored, crops_id=crops_id)
        stored += len(batch)
        report(stored)
    return stored


@dataclass(frozen=True, slots=True, eq=False)
class FeatureShard:
    """One file, mapped into memory."""

    path: Path
    header: dict[str, str]
    crops: EncodedCrops

    @property
    def count(self) -> int:
        return len(self.crops)

    @classmethod
    def open(cls, path: Path) -> Self:
        """FeatureFileError for a file that is damaged, cut off, or of another format or network; reads all of it."""
        try:
            header, arrays = mapped_file(path, key=_KEY)
        except (OSError, ValueError) as error:
            raise FeatureFileError.of(path, "header", f"not a file of features ({error})", cure=_CURE) from error
        version = header.get("format_version")
        if version != str(FORMAT_VERSION):
            raise FeatureFileError.of(
                path, "format_version", f"{version!r}, this version reads {FORMAT_VERSION}", cure=_CURE
            )
        if header.get("network") != eight_bit_id():
            raise FeatureFileError.of(path, "network", "features of another landmark network", cure=_CURE)
        if header.get("content_sha256") != content_sha256(arrays):
            raise FeatureFileError.of(path, "content_sha256", "the numbers are damaged", cure=_CURE)
        try:
            crops = EncodedCrops.from_arrays(arrays)
        except TypeError as error:
            raise FeatureFileError.of(path, "tensors", str(error), cure=_CURE) from error
        return cls(path, header, crops)

    def check(self, *, maps: Sequence[str], crops_id: str, first: int) -> None:
        """FeatureFileError where the shard is not that of these maps, crops and place."""
        expected = {"crops_id": crops_id, "first": str(first)}
        for field, value in expected.items():
            if self.header.get(field) != value:
                raise FeatureFileError.of(
                    self.path, field, f"{self.header.get(field)!r}, expected {value!r}", cure=_CURE
                )
        if tuple(self.crops.maps) != tuple(sorted(maps)):
            raise FeatureFileError.of(
                self.path, "maps", f"{', '.join(self.crops.maps)}, expected {', '.join(sorted(maps))}", cure=_CURE
            )


class StoredFeatures:
    """All shards of a directory as one sequence of crops, in the order in which they were encoded."""

    def __init__(self, shards: Sequence[FeatureShard]) -> None:
        self._shards = list(shards)
        self._ends = np.cumsum([shard.count for shard in self._shards])

    @classmethod
    def open(cls, directory: Path, *, crops_id: str | None = None) -> Self:
        """Maps the files into memory and compares every byte with its sum; `crops_id` must fit where it is given.

        FeatureFileError for a missing or damaged shard and for those of another network or of other crops.
        """
        shards, first = _shards_in(directory), 0
        if not shards:
            raise FeatureFileError.of(
                directory, "features-*.safetensors", "no stored features", cure="encode the crops first"
            )
        for shard in shards:
            named = crops_id if crops_id is not None else shards[0].header.get("crops_id", "")
            shard.check(maps=tuple(shards[0].crops.maps), crops_id=named, first=first)
            first += shard.count
        return cls(shards)

    @property
    def crops_id(self) -> str:
        return self._shards[0].header["crops_id"]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def take(self, rows: ArrayLike) -> EncodedCrops:
        """Copies of these rows, in this order. IndexError for rows that are not there."""
        wanted = np.asarray(rows, np.intp)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"rows {wanted.min()}..{wanted.max()} of {len(self)} crops")
        place = np.searchsorted(self._ends, wanted, side="right")
        result: dict[str, NDArray[Any]] = {}
        for name, like in self._shards[0].crops.arrays().items():
            result[name] = np.empty((len(wanted), *like.shape[1:]), like.dtype)
        for number in np.unique(place):
            here = place == number
            inside = wanted[here] - (self._ends[number] - self._shards[number].count)
            for name, values in self._shards[number].crops.arrays().items():
                result[name][here] = values[inside]
        return EncodedCrops.from_arrays(result)


def _shards_in(directory: Path) -> list[FeatureShard]:
    return [FeatureShard.open(path) for path in sorted(directory.glob("features-*.safetensors"))]


def _write(directory: Path, crops: EncodedCrops, *, first: int, crops_id: str) -> None:
    arrays = crops.arrays()
    header = {
        "format_version": str(FORMAT_VERSION),
        "network": eight_bit_id(),
        "content_sha256": content_sha256(arrays),
        "crops_id": crops_id,
        "first": str(first),
    }
    path = directory / f"features-{first:08d}.safetensors"
    write_atomically(path, file_content(arrays, header, key=_KEY))
    log.debug("stored crops %d to %d in %s", first, first + len(crops) - 1, path)
