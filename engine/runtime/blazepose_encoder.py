"""The frozen landmark network as image encoder: one run gives landmarks and features of a crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.features import KEPT_MAPS, POINT_MAP, at_points, checked
from engine.blazepose.landmarks import BODY_POINTS, CropLandmarks, crop_landmarks
from engine.blazepose.networks import INPUT_NAME, LANDMARK_SIZE_PX
from engine.blazepose.warp import landmark_input
from engine.runtime.backend import Backend, BackendError

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """What the network says of one crop."""

    landmarks: CropLandmarks
    maps: Mapping[str, F32]
    """(channel, height, width) by name, see `FEATURE_CHANNELS`."""
    at_points: F32 | None
    """(33, channel) `POINT_MAP` at the refined body points; None where the network does not give that map."""


class BlazePoseEncoder:
    """Crops to `Encoding`s. The backend belongs to the caller and runs a landmark network with `needed_outputs()`.

    BackendError where the backend's network lacks a wanted map.
    """

    crop_size_px = LANDMARK_SIZE_PX

    def __init__(self, backend: Backend, *, maps: Sequence[str] = KEPT_MAPS) -> None:
        self._backend = backend
        self.maps = checked(maps)
        given = {info.name for info in backend.outputs}
        missing = [name for name in self.maps if name not in given]
        if missing:
            raise BackendError(
                f"the landmark network was made without the output {missing[0]!r}; make it with "
                f"features={needed_outputs(self.maps)}"
            )
        self._reads_points = POINT_MAP in given

    def encode(self, images_rgb: NDArray[np.uint8]) -> list[Encoding]:
        """(batch, 256, 256, 3) -> one encoding per crop; each owns its arrays."""
        if not len(images_rgb):
            return []
        outputs = self._backend.run({INPUT_NAME: landmark_input(images_rgb)})
        return [self._encoding(outputs, row) for row in range(len(images_rgb))]

    def _encoding(self, outputs: Mapping[str, NDArray[Any]], row: int) -> Encoding:
        landmarks = crop_landmarks(outputs, row)
        read = at_points(outputs[POINT_MAP][row], landmarks.points_px[:BODY_POINTS]) if self._reads_points else None
        return Encoding(landmarks, {name: outputs[name][row].copy() for name in self.maps}, read)


def needed_outputs(maps: Sequence[str] = KEPT_MAPS) -> tuple[str, ...]:
    """The feature outputs that an encoder of these maps wants of a landmark network."""
    return tuple(dict.fromkeys((*checked(maps), POINT_MAP)))
