"""The Di2Pose estimator: BlazePose as image encoder, our few-step denoiser and decoder for pose and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.body.camera import Camera
from engine.body.crop import SeenPerson
from engine.body.pose import PersonPose
from engine.body.virtual_camera import VirtualView
from engine.runtime.backend import Backend
from engine.runtime.blazepose_encoder import BlazePoseEncoder, Encoding
from engine.runtime.hypothesis_noise import NOISE, noise_for
from engine.runtime.live_numbers import LiveNumbers
from engine.runtime.placed_pose import CropAnswer, placed_pose

F32 = NDArray[np.float32]

NAME = "di2pose"


def shipped_graph() -> Path:
    """The live model that comes with the project."""
    return Path(str(resources.files("engine") / "weights" / "di2pose" / "di2pose.onnx"))


class Di2PoseEstimator:
    """Poses in the axes of each crop's virtual camera, turned back into those of the camera.

    `encoder` runs the landmark network with its features, `backend` the graph of `engine.model.live_onnx`; both belong
    to the caller. The noise of the hypotheses is drawn once, so equal pictures give equal poses. Keeps nothing between
    frames. So many `hypotheses` are handed on with each pose, at most those that the graph draws. BackendError where
    the graph is another one.
    """

    name = NAME
    crop_size_px = LANDMARK_SIZE_PX

    def __init__(self, encoder: BlazePoseEncoder, backend: Backend, weights: str, *, hypotheses: int = 0) -> None:
        self._encoder, self._backend, self.weights = encoder, backend, weights
        self._hypotheses = hypotheses
        self._noise = noise_for(backend)

    def poses(self, crops: Sequence[SeenPerson], camera: Camera) -> list[PersonPose]:
        """One pose per crop, in the same order."""
        if not crops:
            return []
        encodings = self._encoder.encode(np.stack([crop.image_rgb for crop in crops]))
        views = [VirtualView.of(camera, crop.frame_from_crop, self.crop_size_px) for crop in crops]
        numbers = [LiveNumbers.of(encoding, view) for encoding, view in zip(encodings, views, strict=True)]
        outputs = self._backend.run(
            {name: np.stack([getattr(row, name) for row in numbers]) for name in LiveNumbers.NAMES}
            | {NOISE: self._noise}
        )
        return [
            placed_pose(crop, views[row], _answer(encodings[row], outputs, row), hypotheses=self._hypotheses)
            for row, crop in enumerate(crops)
        ]

    def forget(self, person_id: int) -> None:
        """Nothing is kept."""


def _answer(encoding: Encoding, outputs: Mapping[str, F32], row: int) -> CropAnswer:
    found = encoding.landmarks
    return CropAnswer(
        points_px=found.points_px,
        world_m=found.world_m,
        visibility=found.visibility,
        presence=found.presence,
        joints_mm=outputs["joints_mm"][row],
        spread_mm=outputs["spread_mm"][row],
        seen=outputs["seen"][row],
        hypotheses_mm=outputs["hypotheses_mm"][row],
    )
