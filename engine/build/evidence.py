"""What the parity gate shows the networks: people cut out of pictures, and each graph's inputs made of them.

Everything comes from the fp32 networks on the CPU, so that a converted graph is judged by what it makes of good input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.decode import BODY_SCALE, HIP_CENTRE, decoded, in_frame, merged
from engine.blazepose.networks import DETECTOR_SIZE_PX, INPUT_NAME, LANDMARK_SIZE_PX
from engine.blazepose.regions import region_around, shown_to_detector
from engine.blazepose.warp import cut, cut_small, detector_input, landmark_input, place_parts
from engine.body.camera import Camera
from engine.body.crop import PersonCrop
from engine.body.virtual_camera import VirtualView
from engine.build.build_error import BuildError
from engine.build.side_by_side import side_by_side
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.fused_inputs import CROPS, FRAME, PLACE_PARTS, ViewNumbers
from engine.runtime.graph_name import SizeWh
from engine.runtime.live_numbers import LiveNumbers
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

Bytes = NDArray[np.uint8]
Inputs = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The best-seen person of each picture. All three have one entry per person."""

    detector_views: Bytes
    """(person, 224, 224, 3) the whole picture as the detector sees it."""
    crops: tuple[PersonCrop, ...]
    cameras: tuple[Camera, ...]

    @property
    def sha256(self) -> str:
        """Of all pixels that the networks are shown."""
        shown = hashlib.sha256(self.detector_views.tobytes())
        for crop in self.crops:
            shown.update(crop.image_rgb.tobytes())
        return shown.hexdigest()

    def detector_inputs(self) -> Inputs:
        return {INPUT_NAME: detector_input(self.detector_views)}

    def landmark_inputs(self) -> Inputs:
        return {INPUT_NAME: landmark_input(np.stack([crop.image_rgb for crop in self.crops]))}

    def fused_inputs(self) -> dict[str, NDArray[Any]]:
        """All but the noise."""
        return {CROPS: np.stack([crop.image_rgb for crop in self.crops]), **ViewNumbers.stacked(self._views())}

    def framed_inputs(self, frame_wh: SizeWh) -> dict[str, NDArray[Any]]:
        """All but the noise, with everybody side by side in one frame."""
        frame, frame_from_crop = side_by_side(self.crops, frame_wh)
        views = ViewNumbers.stacked(self._views())
        parts = np.stack([place_parts(affine, LANDMARK_SIZE_PX) for affine in frame_from_crop])
        return {FRAME: frame[None], PLACE_PARTS: parts, **views}

    def live_inputs(self, encoder: Path) -> Inputs:
        """What the live model is told of these people; `encoder` is the landmark network with its features in fp32."""
        with OnnxRuntimeBackend(encoder) as backend:
            encodings = BlazePoseEncoder(backend).encode(np.stack([crop.image_rgb for crop in self.crops]))
        numbers = [LiveNumbers.of(encoding, view) for encoding, view in zip(encodings, self._views(), strict=True)]
        return {name: np.stack([getattr(row, name) for row in numbers]) for name in LiveNumbers.NAMES}

    def _views(self) -> list[VirtualView]:
        return [
            VirtualView.of(camera, crop.frame_from_crop, LANDMARK_SIZE_PX)
            for crop, camera in zip(self.crops, self.cameras, strict=True)
        ]


def people_in(pictures: Sequence[Bytes], detector: Path) -> Evidence:
    """Looks for one person in each (height, width, 3) picture. BuildError where none shows anybody."""
    views: list[Bytes] = []
    crops: list[PersonCrop] = []
    cameras: list[Camera] = []
    with OnnxRuntimeBackend(detector) as backend:
        for picture in pictures:
            height, width = picture.shape[:2]
            region = shown_to_detector((width / 2, height / 2), max(width, height))
            view, frame_from_view = cut_small(picture, region, DETECTOR_SIZE_PX)
            outputs = backend.run({INPUT_NAME: detector_input(view[None])})
            found = in_frame(merged(decoded(outputs["boxes"][0], outputs["scores"][0])), frame_from_view)
            body = region_around(found.points[0, HIP_CENTRE], found.points[0, BODY_SCALE]) if len(found) else None
            if body is None:
                continue
            image, frame_from_crop = cut(picture, body, LANDMARK_SIZE_PX)
            views.append(view)
            crops.append(PersonCrop(len(crops), image, frame_from_crop))
            cameras.append(Camera.from_fov((width, height)))
    if not crops:
        raise BuildError(
            f"nobody was found in the {len(pictures)} pictures that parity is measured on; "
            f"name a video or directory of pictures with people in them"
        )
    return Evidence(np.stack(views), tuple(crops), tuple(cameras))
