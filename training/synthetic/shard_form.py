"""What a rendering leaves of its crops: pictures with their truth, or (training.encoded_shards) encodings of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from training.synthetic.clock import StageClock
from training.synthetic.dataset import recovered_shard
from training.synthetic.scene import Crop
from training.synthetic.shards import Shard, shard_name, write_shard


class WriteShard(Protocol):
    """Puts crops, numbered from `first` on, into one file that appears whole or not at all."""

    def __call__(self, path: Path, crops: Iterable[Crop], *, first: int, clock: StageClock) -> Shard: ...


class ShardForm(Protocol):
    """Must be picklable: it is sent to worker processes."""

    @property
    def pattern(self) -> str:
        """Matches the files of this form in a folder."""
        ...

    def name(self, number: int) -> str:
        """The file of a shard."""
        ...

    def made_with(self) -> Mapping[str, str]:
        """Versions that decide the bytes besides those of the renderer."""
        ...

    def writer(self) -> AbstractContextManager[WriteShard]:
        """Opened once in each worker."""
        ...

    def recovered(self, path: Path, numbers: range) -> Shard:
        """What is known of a file that no card lists. ShardError where it is not whole."""
        ...


class PictureShards:
    """Tar files of JPEG and JSON."""

    pattern = "crops-*.tar"

    def name(self, number: int) -> str:
        return shard_name(number)

    def made_with(self) -> Mapping[str, str]:
        return {}

    @contextmanager
    def writer(self) -> Iterator[WriteShard]:
        yield write_shard

    def recovered(self, path: Path, numbers: range) -> Shard:
        return recovered_shard(path, numbers)
