"""The one family of errors for training data that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Self


class DataError(ValueError):
    """A file or folder of training data is refused; the text names it, the field in it, what is wrong, and the cure."""

    @classmethod
    def of(cls, path: Path | str, field: str, problem: str, *, cure: str) -> Self:
        """The usual text from its four parts."""
        return cls(f"{path}: {field}: {problem}; {cure}")
