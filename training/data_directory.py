"""Where motion, avatars and backgrounds lie on this machine: `--data DIR`, else the variable DI2POSE_DATA."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from training.data_error import DataError

VARIABLE = "DI2POSE_DATA"
_FOLDERS = {
    "motion": ("motion", "mocap_cmu"),
    "avatars": ("avatars", "avatars_valid"),
    "backgrounds": ("backgrounds", "backgrounds_hdri"),
}


class DataDirectoryError(DataError):
    """Training data is not where it was looked for; the text names docs/data.md."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One directory with three folders; files are found by name without suffix."""

    path: Path

    @classmethod
    def find(cls, given: Path | None) -> DataDirectory:
        """`given`, or what $DI2POSE_DATA names; DataDirectoryError where neither is a directory."""
        path = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
        if path is None:
            raise DataDirectoryError(
                f"no data directory: give --data DIR or set {VARIABLE}; docs/data.md says what lies in it"
            )
        if not path.is_dir():
            raise DataDirectoryError(f"{path} is no directory; docs/data.md says where the data comes from")
        return cls(path)

    def motion(self, name: str) -> Path:
        return self._file("motion", f"{name}.bvh")

    def motions(self) -> list[Path]:
        """Every motion file, by name; DataDirectoryError where there is none."""
        if found := self.files("motion", "*.bvh"):
            return found
        raise DataDirectoryError(
            f"{self.path} has no .bvh file in {' or '.join(_FOLDERS['motion'])}; docs/data.md says where they come from"
        )

    def files(self, kind: str, pattern: str) -> list[Path]:
        """Files of 'motion', 'avatars' or 'backgrounds' by name; the first of the kind's folders that has any."""
        for folder in _FOLDERS[kind]:
            if found := sorted((self.path / folder).glob(pattern)):
                return found
        return []

    def avatar(self, name: str) -> Path:
        return self._file("avatars", f"{name}.glb")

    def background(self, name: str) -> Path:
        return self._file("backgrounds", f"{name}.jpg")

    def _file(self, kind: str, name: str) -> Path:
        for folder in _FOLDERS[kind]:
            if (self.path / folder / name).is_file():
                return self.path / folder / name
        raise DataDirectoryError(
            f"{self.path} has no {' or '.join(f'{folder}/{name}' for folder in _FOLDERS[kind])}; "
            "docs/data.md says where it comes from"
        )
