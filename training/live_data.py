"""Folders of encoded crops as one sequence of rows, and rows as the tensors that the live model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from engine.model.live_condition import POINTS, LiveInput
from training.encoded_shards import EncodedShards, read_rows
from training.live_rows import LiveRows
from training.synthetic.dataset import DatasetCard, DatasetError, check_size
from training.synthetic.recipe import Recipe


class EncodedSet:
    """Crops of one or several folders that `di2pose data encode` or `render-encoded` wrote, mapped into memory."""

    def __init__(self, shards: Sequence[LiveRows], recipes: Sequence[Recipe], about: list[dict[str, Any]]) -> None:
        self.recipes, self.about = tuple(recipes), about
        self._shards = list(shards)
        self._ends = np.cumsum([len(shard) for shard in self._shards])

    @classmethod
    def open(cls, *directories: Path) -> EncodedSet:
        """DatasetError where a folder is no finished set of encodings, ShardError where a file is damaged.

        Sizes are compared with what was written, not every byte.
        """
        shards: list[LiveRows] = []
        about: list[dict[str, Any]] = []
        recipes = []
        for directory in directories:
            card = _card(directory)
            recipes.append(card.recipe)
            for shard in card.shards:
                check_size(directory / shard.name, shard)
                rows, known = read_rows(directory / shard.name)
                shards.append(rows)
                about += known
        return cls(shards, recipes, about)

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def split(self) -> str:
        """'train' or 'test', or both words where the folders differ."""
        return " and ".join(sorted({recipe.split for recipe in self.recipes}))

    @property
    def people(self) -> list[str]:
        """Who is on each crop: avatars of one person in other clothes are the same person."""
        return [str(entry["avatar"]).rpartition("_")[0] for entry in self.about]

    def take(self, rows: ArrayLike) -> LiveRows:
        """Copies of these rows, in this order. IndexError for rows that are not there."""
        wanted = np.asarray(rows, np.intp)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"rows {wanted.min()}..{wanted.max()} of {len(self)} crops")
        place = np.searchsorted(self._ends, wanted, side="right")
        result: dict[str, NDArray[Any]] = {
            name: np.empty((len(wanted), *like.shape[1:]), like.dtype)
            for name, like in self._shards[0].arrays().items()
        }
        for number in np.unique(place):
            here, shard = place == number, self._shards[number]
            inside = wanted[here] - (self._ends[number] - len(shard))
            for name, values in shard.arrays().items():
                result[name][here] = values[inside]
        return LiveRows(**result)

    def all(self) -> LiveRows:
        return self.take(np.arange(len(self)))


@dataclass(frozen=True, slots=True)
class LiveBatch:
    """Rows as tensors: what is read, and what is to be found."""

    crops: LiveInput
    joints_mm: Tensor
    """(batch, 17, 3) in virtual axes, relative to the pelvis."""

    def __len__(self) -> int:
        return len(self.joints_mm)

    @classmethod
    def of(
        cls,
        rows: LiveRows,
        *,
        points_known: NDArray[np.bool_] | None = None,
        features_known: NDArray[np.bool_] | None = None,
    ) -> LiveBatch:
        """Everything is known unless (n, 33) or (n,) flags say otherwise."""
        count = len(rows)
        names = ("points", "at_points", "trunk_2", "trunk_4", "view")
        numbers = {name: torch.from_numpy(np.asarray(getattr(rows, name), np.float32)) for name in names}
        known = np.ones((count, POINTS), bool) if points_known is None else points_known
        detailed = np.ones(count, bool) if features_known is None else features_known
        crops = LiveInput(**numbers, points_known=torch.from_numpy(known), features_known=torch.from_numpy(detailed))
        return cls(crops, torch.from_numpy(np.asarray(rows.joints_mm, np.float32)))

    @classmethod
    def joined(cls, parts: Sequence[LiveBatch]) -> LiveBatch:
        names = [field.name for field in fields(LiveInput)]
        crops = {name: torch.cat([getattr(part.crops, name) for part in parts]) for name in names}
        return cls(LiveInput(**crops), torch.cat([part.joints_mm for part in parts]))

    def rows(self, start: int, stop: int) -> LiveBatch:
        return LiveBatch(self.crops.rows(start, stop), self.joints_mm[start:stop])

    def to(self, device: torch.device) -> LiveBatch:
        return LiveBatch(self.crops.to(device), self.joints_mm.to(device))


def named_sets(texts: Sequence[str]) -> dict[str, EncodedSet]:
    """Of options like `syn=DIR`. DatasetError where one has no name or names no finished set."""
    named = {}
    for text in texts:
        name, _, path = text.partition("=")
        if not (name and path):
            raise DatasetError(f"--test {text!r} is not of the form NAME=DIR; give for instance syn={text}")
        named[name] = EncodedSet.open(Path(path))
    return named


def _card(directory: Path) -> DatasetCard:
    card = DatasetCard.read(directory)
    form = EncodedShards()
    if any(not Path(shard.name).match(form.pattern) for shard in card.shards):
        raise DatasetError(
            f"{directory} holds pictures and no encodings; run `di2pose data encode --shards` on it first"
        )
    if not card.is_complete:
        raise DatasetError(
            f"{directory}: {len(card.shards)} of {card.recipe.shards} shards are finished; "
            "run the command that wrote it again to make the rest"
        )
    return card
