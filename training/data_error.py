"""The one error for training data that cannot be used."""

from __future__ import annotations

from pathlib import Path


class DataError(ValueError):
    """A file or folder of training data is refused; the text names it, the field in it, what is wrong, and the cure."""

    def __init__(self, path: Path | str, field: str, problem: str, *, cure: str) -> None:
        super().__init__(f"{path}: {field}: {problem}; {cure}")
        self.path, self.field, self.problem, self.cure = Path(path), field, problem, cure
