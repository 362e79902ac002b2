"""What a run reports while it runs: one JSON object per line, and the same numbers for TensorBoard.

The JSON lines are the record. A run that resumes at step s first drops the lines from s on, which an interrupted run
may have written after its last checkpoint, so that every step appears once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

JOURNAL_NAME = "journal.jsonl"


class Journal:
    """Context manager; used by the first process of a run only. Numbers that are not finite are written as null."""

    def __init__(self, directory: Path, *, from_step: int, tensorboard: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / JOURNAL_NAME
        _keep_before(self.path, from_step)
        self._file = self.path.open("a", encoding="utf-8")
        self._board = _board(directory, from_step) if tensorboard else None

    def write(self, kind: str, step: int, values: Mapping[str, float | int | str]) -> None:
        clean = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        self._file.write(json.dumps({"kind": kind, "step": step, **clean}) + "\n")
        self._file.flush()
        for name, value in clean.items():
            if self._board is not None and isinstance(value, (int, float)):
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """All complete lines; a last line that a kill cut short is left out."""
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries


def _keep_before(path: Path, step: int) -> None:
    kept = [json.dumps(entry) for entry in read_journal(path) if entry["step"] < step]
    if path.is_file():
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _board(directory: Path, from_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # slow to import and needed only here

    return SummaryWriter(str(directory / "tensorboard"), purge_step=from_step)
