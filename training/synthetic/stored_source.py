"""The crops of a finished set as a source, so that what renders sets can also make other sets of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.synthetic.clock import StageClock
from training.synthetic.dataset import Dataset
from training.synthetic.opening import TimedSource
from training.synthetic.scene import Crop


@dataclass(frozen=True, slots=True)
class StoredOpening:
    """Picklable, as workers need it."""

    directory: Path

    @contextmanager
    def __call__(self) -> Iterator[TimedSource]:
        yield StoredSource(Dataset.open(self.directory))


class StoredSource:
    def __init__(self, dataset: Dataset) -> None:
        self.clock = StageClock()
        self._dataset = dataset

    @property
    def renderer(self) -> str:
        """That of the pictures."""
        return self._dataset.card.made_with.get("gl_renderer", "unknown")

    def crop(self, index: int) -> Crop:
        with self.clock.stage("read"):
            return self._dataset[index]
