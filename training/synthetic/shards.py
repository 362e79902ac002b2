"""Crops in tar files: `000001234.jpg` and `000001234.json` side by side, the convention that `webdataset` reads.

The headers are fixed (time 0, owner 0), so that the same crops make the same bytes. A file ends with tar's two empty
blocks; one that does not was cut off.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from training.data_error import DataError
from training.synthetic.clock import StageClock
from training.synthetic.crop_record import RecordError, decoded, encoded
from training.synthetic.scene import Crop
from training.synthetic.whole_file import WholeFile

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
CURE = "run the same `di2pose data render` again: it makes this file anew"


class ShardError(DataError):
    """A shard cannot be read; the text names the file, the cause and the cure."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A finished file of crops."""

    name: str
    crops: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    offset: int
    size: int


def shard_name(number: int) -> str:
    return f"crops-{number:05d}.tar"


def write_shard(path: Path, crops: Iterable[Crop], *, first: int = 0, clock: StageClock | None = None) -> Shard:
    """Put crops at `path`, numbered from `first` on; the file appears when it is complete and on the disk.

    StorageError where the disk refuses; then, as after an error of `crops`, there is no file.
    """
    clock = clock or StageClock()
    digest, size, count = hashlib.sha256(), 0, 0
    with WholeFile(path) as file:
        for count, crop in enumerate(crops, 1):
            with clock.stage("encode"):
                content = _members_of(first + count - 1, crop)
            with clock.stage("write"):
                digest.update(content)
                file.write(content)
            size += len(content)
        digest.update(_END)
        file.write(_END)
    return Shard(path.name, count, size + len(_END), digest.hexdigest())


def read_shard(path: Path) -> Iterator[Crop]:
    """All crops of a file in order, one at a time. ShardError where it is damaged or cut off, OSError where absent."""
    with path.open("rb") as file:
        for number, place in places_of(file, path):
            yield crop_at(file, place, name=f"{path}: crop {number}")


def places_of(file: BinaryIO, path: Path) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(number of the crop, (4,) offset and size of its JPEG and of its JSON) from the headers alone."""
    members = _members(file, path)
    for picture in members:
        truth = next(members, None)
        number, _, suffix = picture.name.partition(".")
        if suffix != "jpg" or not number.isdecimal() or truth is None or truth.name != f"{number}.json":
            raise ShardError.of(
                path, picture.name, "is no picture that is followed by its truth", cure=f"it is none of ours; {CURE}"
            )
        yield int(number), np.array([picture.offset, picture.size, truth.offset, truth.size])


def crop_at(file: BinaryIO, place: NDArray[np.int64], *, name: str) -> Crop:
    """The crop whose members lie there; ShardError names `name`."""
    picture_at, picture_size, truth_at, truth_size = place.tolist()
    file.seek(picture_at)
    jpeg = file.read(picture_size)
    file.seek(truth_at)
    try:
        return decoded(jpeg, file.read(truth_size))
    except RecordError as error:
        raise ShardError(f"{name}: {error}; {CURE}") from error


def _members_of(number: int, crop: Crop) -> bytes:
    pieces = []
    for suffix, content in zip(("jpg", "json"), encoded(crop), strict=True):
        info = tarfile.TarInfo(f"{number:09d}.{suffix}")  # its defaults: time 0, user and group 0, mode 644
        info.size = len(content)
        pieces += [info.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % _BLOCK)]
    return b"".join(pieces)


def _members(file: BinaryIO, path: Path) -> Iterator[_Member]:
    """Walk the headers; tarfile itself takes an archive that was cut between two members for a whole one."""
    end = file.seek(0, 2)
    offset = 0
    while True:
        file.seek(offset)
        block = file.read(_BLOCK)
        if len(block) < _BLOCK or offset + len(_END) > end:
            raise _cut_off(path, end)
        if block + file.read(_BLOCK) == _END:
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.TarError, UnicodeDecodeError) as error:
            raise ShardError.of(path, f"byte {offset}", f"no tar header ({error})", cure=CURE) from error
        if not info.isreg():
            raise ShardError.of(path, info.name, "is no plain file", cure=f"it is none of ours; {CURE}")
        if offset + _BLOCK + info.size > end:
            raise _cut_off(path, end)
        yield _Member(info.name, offset + _BLOCK, info.size)
        offset += _BLOCK + info.size + -info.size % _BLOCK


def _cut_off(path: Path, end: int) -> ShardError:
    return ShardError.of(path, f"byte {end}", "the file is cut off", cure=CURE)
