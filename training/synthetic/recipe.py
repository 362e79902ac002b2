"""What decides the bytes of a set of synthetic crops, and the part of it that a patch test adds."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data_directory import DataDirectory
from training.data_error import DataError
from training.sliding_patch import STRIDE_PX, patch_positions

SPLITS = ("train", "test")
KINDS = ("plain", "mixed", "occluded", "standing", "seated", "balance")


class RecipeError(DataError):
    """A set of crops cannot be as asked; the text quotes the setting and says what fits."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The square that slides over every crop when a set is used; no patched picture is stored."""

    size_px: int
    texture_seed: int
    stride_px: int = STRIDE_PX

    def positions(self, size_wh: tuple[int, int]) -> NDArray[np.int64]:
        """(n, 2) upper left corners, see training.sliding_patch."""
        return patch_positions(size_wh, self.size_px, self.stride_px)

    def texture(self, number: int) -> NDArray[np.uint8]:
        """(size, size, 3) sRGB of the patch for the crop of this number: coloured spots of two sizes."""
        rng = np.random.default_rng([self.texture_seed, number])
        texture = np.zeros((self.size_px, self.size_px, 3))
        for cells, share in ((4, 0.6), (self.size_px // 4, 0.4)):
            spots = rng.uniform(0, 255, (cells, cells, 3))
            texture += share * cv2.resize(spots, (self.size_px, self.size_px), interpolation=cv2.INTER_LINEAR)
        return texture.astype(np.uint8)

    def laid_on(
        self, image_rgb: NDArray[np.uint8], texture_rgb: NDArray[np.uint8], *, corner_px: NDArray[np.integer]
    ) -> NDArray[np.uint8]:
        """A copy of the picture with the patch at one position, cut off where it reaches past the edge."""
        x, y = (int(value) for value in corner_px)
        covered = image_rgb.copy()
        hole = covered[y : y + self.size_px, x : x + self.size_px]
        hole[:] = texture_rgb[: hole.shape[0], : hole.shape[1]]
        return covered


@dataclass(frozen=True, slots=True)
class Recipe:
    """Same recipe, data, machine and versions: same bytes."""

    seed: int
    split: str
    kind: str
    count: int
    data: str = ""
    """`fingerprint` of the data directory."""
    crops_per_shard: int = 1000
    window_wh: tuple[int, int] | None = None
    """The middle of each crop that is kept; None keeps all."""
    patch: Patch | None = None

    def __post_init__(self) -> None:
        for name, value, choices in (("split", self.split, SPLITS), ("kind", self.kind, KINDS)):
            if value not in choices:
                raise RecipeError(f"{name} {value!r} is not one of {', '.join(choices)}")
        for name in ("count", "crops_per_shard"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise RecipeError(f"seed must not be negative, got {self.seed}")

    @property
    def shards(self) -> int:
        return -(-self.count // self.crops_per_shard)

    def numbers_of(self, shard: int) -> range:
        """The crops of one shard."""
        first = shard * self.crops_per_shard
        return range(first, min(first + self.crops_per_shard, self.count))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, fields: dict[str, Any]) -> Self:
        """KeyError, TypeError or ValueError where the fields are not those of a recipe."""
        window, patch = fields["window_wh"], fields["patch"]
        known = {name: fields[name] for name in ("seed", "split", "kind", "count", "data", "crops_per_shard")}
        return cls(
            **known,
            window_wh=None if window is None else (int(window[0]), int(window[1])),
            patch=None if patch is None else Patch(**patch),
        )


def fingerprint(data: DataDirectory) -> str:
    """Which files a data directory holds, by name and size: enough to notice that a set is continued with others."""
    found = [
        f"{kind}/{path.name} {path.stat().st_size}"
        for kind, pattern in (("motion", "*.bvh"), ("avatars", "*.glb"), ("backgrounds", "*.jpg"))
        for path in data.files(kind, pattern)
    ]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]
