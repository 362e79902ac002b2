"""Files that are there whole or not at all: written under a hidden name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageError(OSError):
    """A file cannot be written; the text names it, the cause and the cure. What was there before is untouched."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> StorageError:
        cause = error.strerror or str(error)
        if error.errno in _FULL:
            cure = "make room there (or lift the quota or file size limit), or choose a place on another disk"
        else:
            cure = "choose a place that can be written"
        return cls(f"{path}: cannot be written, {cause}: {cure}; files written before are whole")


class WholeFile:
    """Context manager: the file appears at `path` when the block ends well, and leaves nothing when it does not.

    Every failure of the disk, at whatever moment, is a StorageError; other errors of the block pass as they are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # The process number keeps a leftover writer of a killed run from writing into a new one's file.
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def write(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise StorageError.of(self._path, error) from error

    def __enter__(self) -> Self:
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise StorageError.of(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as failure:
            raise StorageError.of(self._path, failure) from failure
        finally:
            self._discard()

    def _finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        flush_directory(self._path.parent)

    def _discard(self) -> None:
        """Drop what is left; closing tries to write once more, and its failure says nothing new."""
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)


def parts_in(directory: Path) -> list[Path]:
    """What killed writers left behind."""
    return sorted(directory.glob(".*.part"))


def flush_directory(directory: Path) -> None:
    """Make a rename survive a power cut: the directory is what changed."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
