"""What the tensors of a network hold when it sees people: what its 8-bit form is made with.

The shipped numbers are of rendered people (`python -m training.see_people`, docs/live_model.md).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.cache import write_atomically

F32 = NDArray[np.float32]

HEAVY_SEEN, DETECTOR_SEEN = (Path(__file__).with_name(f"{network}_seen.npz") for network in ("heavy", "detector"))


@dataclass(frozen=True, slots=True, eq=False)
class SeenTensor:
    """One picture tensor, per channel."""

    low: F32
    """(channel,) the smallest value of a picture, not undercut in 95 of 100 pictures; at most 0."""
    high: F32
    """(channel,) the largest, likewise; at least 0."""
    mean: F32
    """(channel,) over all pixels and pictures."""

    def scaled(self, by: F32) -> SeenTensor:
        return SeenTensor(self.low * by, self.high * by, self.mean * by)

    def widened(self, by: int) -> SeenTensor:
        """With so many channels of zeros behind the others."""
        return SeenTensor(*(np.pad(each, (0, by)) for each in (self.low, self.high, self.mean)))


def read_seen(path: Path) -> dict[int, SeenTensor]:
    """By the tensor's number in the network file."""
    with np.load(path) as stored:
        ends = np.cumsum(stored["channels"])[:-1]
        parts = [np.split(stored[name].astype(np.float32), ends) for name in ("low", "high", "mean")]
        return dict(zip(stored["tensors"].tolist(), map(SeenTensor, *parts), strict=True))


def write_seen(path: Path, seen: Mapping[int, SeenTensor]) -> None:
    """In half precision: the numbers choose steps of 1/255 of a range."""
    tensors = sorted(seen)
    columns: dict[str, NDArray[np.generic]] = {
        name: np.concatenate([getattr(seen[tensor], name) for tensor in tensors]).astype(np.float16)
        for name in ("low", "high", "mean")
    }
    columns |= {
        "tensors": np.array(tensors, np.int32),
        "channels": np.array([len(seen[tensor].low) for tensor in tensors], np.int32),
    }
    content = io.BytesIO()
    np.savez_compressed(content, **columns)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())
