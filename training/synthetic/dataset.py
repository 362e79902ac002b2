"""A folder of shards with `dataset.json`, which says how they were made and what bytes they must have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import sha256_of
from training.data_error import DataError
from training.synthetic.recipe import Recipe
from training.synthetic.scene import Crop
from training.synthetic.shards import CURE, Shard, ShardError, crop_at, places_of, read_shard, shard_name
from training.synthetic.whole_file import WholeFile

FORMAT_VERSION = 1
CARD_NAME = "dataset.json"


class DatasetError(DataError):
    """A folder of crops cannot be used; the text names the file, the cause and the cure."""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What `dataset.json` says."""

    recipe: Recipe
    made_with: Mapping[str, str]
    """Versions of what decides the bytes besides the recipe: numpy, opencv, moderngl, gl_renderer."""
    shards: tuple[Shard, ...] = ()
    """Those that are finished, in order; not all, while a set is being rendered."""

    @property
    def is_complete(self) -> bool:
        return len(self.shards) == self.recipe.shards

    def shard(self, name: str) -> Shard | None:
        return next((shard for shard in self.shards if shard.name == name), None)

    def with_shard(self, shard: Shard) -> DatasetCard:
        others = self.without_shard(shard.name).shards
        return replace(self, shards=tuple(sorted([*others, shard], key=lambda one: one.name)))

    def without_shard(self, name: str) -> DatasetCard:
        return replace(self, shards=tuple(shard for shard in self.shards if shard.name != name))

    def write(self, directory: Path) -> None:
        """StorageError where the disk refuses."""
        fields = {
            "format_version": FORMAT_VERSION,
            **self.recipe.as_json(),
            "made_with": dict(self.made_with),
            "shards": [asdict(shard) for shard in self.shards],
        }
        with WholeFile(directory / CARD_NAME) as file:
            file.write(json.dumps(fields, indent=2).encode() + b"\n")

    @classmethod
    def read(cls, directory: Path) -> Self:
        """DatasetError where there is none or it cannot be understood."""
        path = directory / CARD_NAME
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DatasetError(
                f"{directory} has no {CARD_NAME}; name a folder that `di2pose data render` wrote"
            ) from error
        except (OSError, ValueError) as error:
            raise DatasetError.of(path, "content", f"unreadable ({error})", cure="render the set again") from error
        if not isinstance(fields, dict) or fields.get("format_version") != FORMAT_VERSION:
            found = fields.get("format_version") if isinstance(fields, dict) else fields
            cure = f"this version reads {FORMAT_VERSION}: use the version that wrote it, or render the set again"
            raise DatasetError.of(path, "format_version", f"is {found!r}", cure=cure)
        return cls._of(fields, path)

    @classmethod
    def _of(cls, fields: dict[str, Any], path: Path) -> Self:
        try:
            shards = tuple(Shard(**shard) for shard in fields["shards"])
            made_with = {str(name): str(version) for name, version in fields["made_with"].items()}
            return cls(Recipe.of_json(fields), made_with, shards)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError.of(
                path, "content", f"not as promised ({error!r})", cure="render the set again"
            ) from error


@dataclass(frozen=True, slots=True)
class Dataset:
    """Finished crops by number. Holds no open file, so it may be shared by processes."""

    directory: Path
    card: DatasetCard
    _places: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """(crop, 4) of each shard that a crop was asked of."""

    @classmethod
    def open(cls, directory: Path) -> Dataset:
        """DatasetError where the set is unfinished or a shard is missing or has another size.

        The bytes themselves are checked when one iterates.
        """
        card = DatasetCard.read(directory)
        if not card.is_complete:
            raise DatasetError(
                f"{directory}: {len(card.shards)} of {card.recipe.shards} shards are finished; "
                "run the same `di2pose data render` again to make the rest"
            )
        for shard in card.shards:
            if Path(shard.name).suffix != ".tar":
                raise DatasetError(
                    f"{directory} holds encodings and no pictures; name a folder of `di2pose data render`"
                )
            check_size(directory / shard.name, shard)
        return cls(directory, card)

    def __len__(self) -> int:
        return self.card.recipe.count

    def __getitem__(self, number: int) -> Crop:
        """One crop; IndexError beyond the last, ShardError where the file is damaged there."""
        if not 0 <= number < len(self):
            raise IndexError(f"{self.directory} has crops 0 to {len(self) - 1}, asked for {number}")
        shard, row = divmod(number, self.card.recipe.crops_per_shard)
        path = self.directory / shard_name(shard)
        if shard not in self._places:
            self._places[shard] = _places(path, self.card.recipe.numbers_of(shard))
        with path.open("rb") as file:
            return crop_at(file, self._places[shard][row], name=f"{path}: crop {number}")

    def __iter__(self) -> Iterator[Crop]:
        """All crops in order; ShardError before the first crop of a shard whose bytes are not the ones written."""
        for shard in self.card.shards:
            check_shard(self.directory / shard.name, shard)
            yield from read_shard(self.directory / shard.name)


def check_shard(path: Path, shard: Shard) -> None:
    """ShardError unless the file has exactly the bytes that were written."""
    check_size(path, shard)
    if sha256_of(path) != shard.sha256:
        raise ShardError.of(path, "sha256", "is not the one in dataset.json, the file was changed", cure=CURE)


def recovered_shard(path: Path, numbers: range) -> Shard:
    """What is known of a shard that no card lists: every crop is read. ShardError where it is not whole."""
    found = _places(path, numbers)
    for _ in read_shard(path):
        continue
    return Shard(path.name, len(found), path.stat().st_size, sha256_of(path))


def check_size(path: Path, shard: Shard) -> None:
    """ShardError where the file is missing or has another size."""
    if not path.is_file():
        raise ShardError(f"{path}: is missing; {CURE}")
    size = path.stat().st_size
    if size != shard.bytes:
        raise ShardError.of(
            path, "size", f"is {size} bytes and not {shard.bytes}, the file is cut or changed", cure=CURE
        )


def _places(path: Path, numbers: range) -> NDArray[np.int64]:
    with path.open("rb") as file:
        found = list(places_of(file, path))
    if [number for number, _ in found] != list(numbers):
        raise ShardError.of(path, "crops", f"are not the numbers {numbers[0]} to {numbers[-1]}", cure=CURE)
    return np.array([place for _, place in found])
