"""The frozen encoder over many crops, one at a time: arrays of encodings, ready to be stored or trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.features import KEPT_MAPS
from engine.blazepose.networks import eight_bit_landmark_onnx
from engine.runtime.blazepose_encoder import BlazePoseEncoder, Encoding, needed_outputs
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

_F16_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedCrops:
    """What the landmark network says of n crops. Arrays may be views of files; do not write into them."""

    points_px: NDArray[np.float32]
    """(n, 39, 2) pixels of the crop, refined by the heatmap as in the product."""
    depth_px: NDArray[np.float32]
    """(n, 39) away from the camera, 0 at the hips."""
    visibility: NDArray[np.float16]
    """(n, 39) 0..1, in the picture and not hidden."""
    in_picture: NDArray[np.float16]
    """(n, 39) 0..1"""
    world_m: NDArray[np.float32]
    """(n, 39, 3) from the middle of the hips, in the axes of the crop."""
    presence: NDArray[np.float32]
    """(n,) 0..1"""
    at_points: NDArray[np.float16]
    """(n, 33, 48) the pyramid at the body points."""
    maps: dict[str, NDArray[np.float16]]
    """(n, channel, height, width) by name."""

    def __len__(self) -> int:
        return len(self.presence)

    @classmethod
    def of(cls, encodings: Sequence[Encoding]) -> Self:
        """Rows in the same order. ValueError for none at all."""
        if not encodings:
            raise ValueError("no crops to encode")
        found = [encoding.landmarks for encoding in encodings]
        return cls(
            points_px=np.stack([each.points_px for each in found]),
            depth_px=np.stack([each.depth_px for each in found]),
            visibility=_half([each.visibility for each in found]),
            in_picture=_half([each.in_picture for each in found]),
            world_m=np.stack([each.world_m for each in found]),
            presence=np.array([each.presence for each in found], np.float32),
            at_points=_half([encoding.at_points for encoding in encodings]),
            maps={name: _half([each.maps[name] for each in encodings]) for name in encodings[0].maps},
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name; a map is `map/NAME`."""
        named = {name: getattr(self, name) for name in self.__slots__ if name != "maps"}
        return named | {f"map/{name}": values for name, values in self.maps.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """The opposite of `arrays`."""
        maps = {name.removeprefix("map/"): values for name, values in arrays.items() if name.startswith("map/")}
        return cls(**{name: values for name, values in arrays.items() if not name.startswith("map/")}, maps=maps)


@contextmanager
def crop_encoder(
    maps: Sequence[str] = KEPT_MAPS,
    *,
    network: Callable[..., Path] = eight_bit_landmark_onnx,
    threads: int = 1,
) -> Iterator[BlazePoseEncoder]:
    """The encoder on this machine's CPU, fetched and converted where missing; by default the one of the live line.

    NetworkFilesError and BackendError name cause and cure.
    """
    with OnnxRuntimeBackend(network(features=needed_outputs(maps)), threads) as backend:
        yield BlazePoseEncoder(backend, maps=maps)


def encodings(images: Iterable[NDArray[np.uint8]], encoder: BlazePoseEncoder) -> Iterator[Encoding]:
    """One per (256, 256, 3) image, lazily; one image a run, since larger batches are no faster on a CPU."""
    for image_rgb in images:
        yield from encoder.encode(image_rgb[None])


def encode(images: Iterable[NDArray[np.uint8]], encoder: BlazePoseEncoder) -> EncodedCrops:
    """All images at once, in memory: about 16 kB each."""
    return EncodedCrops.of(list(encodings(images, encoder)))


def _half(rows: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float16]:
    """Half precision; what lies beyond its range is put at the end of it."""
    return np.clip(np.stack([row for row in rows if row is not None]), -_F16_LARGEST, _F16_LARGEST).astype(np.float16)
