"""The Di2Pose estimator on the fused graph: one run of one network per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.body.camera import Camera
from engine.body.crop import SeenPerson
from engine.body.pose import PersonPose
from engine.body.virtual_camera import VirtualView
from engine.runtime.backend import Backend, BackendError
from engine.runtime.di2pose_estimator import NAME
from engine.runtime.fused_inputs import CROPS, POINTS_PX, PRESENCE, VISIBILITY, WORLD_M, ViewNumbers
from engine.runtime.hypothesis_noise import NOISE, noise_for
from engine.runtime.placed_pose import CropAnswer, placed_pose


class FusedEstimator:
    """The same poses as `Di2PoseEstimator`, whose name it bears: features and tokens stay where the network runs.

    `backend` runs a graph of `engine.build.fused` and belongs to the caller. Keeps nothing between frames.
    BackendError where the graph is another one.
    """

    name = NAME
    crop_size_px = LANDMARK_SIZE_PX

    def __init__(self, backend: Backend, weights: str, *, hypotheses: int = 0) -> None:
        self._backend, self.weights = backend, weights
        self._hypotheses = hypotheses
        check_takes(backend, {CROPS, *ViewNumbers.NAMES, NOISE})
        self._noise = noise_for(backend)

    def poses(self, crops: Sequence[SeenPerson], camera: Camera) -> list[PersonPose]:
        """One pose per crop, in the same order."""
        if not crops:
            return []
        views = [VirtualView.of(camera, crop.frame_from_crop, self.crop_size_px) for crop in crops]
        pictures = np.stack([crop.image_rgb for crop in crops])
        outputs = self._backend.run({CROPS: pictures, NOISE: self._noise, **ViewNumbers.stacked(views)})
        return poses_placed(outputs, crops, views, hypotheses=self._hypotheses)

    def forget(self, person_id: int) -> None:
        """Nothing is kept."""


def check_takes(backend: Backend, wanted: set[str], options: str = "") -> None:
    """BackendError where the graph takes other inputs. options: of the command that builds it, after `fused`."""
    taken = {info.name for info in backend.inputs}
    if taken != wanted:
        raise BackendError(
            f"a fused graph takes {', '.join(sorted(wanted))}, this one takes {', '.join(sorted(taken))}; "
            f"build it again with `di2pose build --graph fused{options}`"
        )


def poses_placed(
    outputs: Mapping[str, NDArray[Any]], crops: Sequence[SeenPerson], views: Sequence[VirtualView], *, hypotheses: int
) -> list[PersonPose]:
    """Outputs of a fused graph as poses that own their arrays, one per crop. views: of the crops, in their order."""
    return [
        placed_pose(crop, view, _answer(outputs, row), hypotheses=hypotheses)
        for row, (crop, view) in enumerate(zip(crops, views, strict=True))
    ]


def _answer(outputs: Mapping[str, NDArray[Any]], row: int) -> CropAnswer:
    return CropAnswer(
        points_px=outputs[POINTS_PX][row],
        world_m=outputs[WORLD_M][row],
        visibility=outputs[VISIBILITY][row],
        presence=float(outputs[PRESENCE][row, 0]),
        joints_mm=outputs["joints_mm"][row],
        spread_mm=outputs["spread_mm"][row],
        seen=outputs["seen"][row],
        hypotheses_mm=outputs["hypotheses_mm"][row],
    )
