"""The baseline estimator: BlazePose's world landmarks as H36M-17 joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.landmarks import BODY_POINTS, NEXT_CENTRE, NEXT_SCALE, CropLandmarks, crop_landmarks
from engine.blazepose.networks import INPUT_NAME, LANDMARK_SIZE_PX
from engine.blazepose.regions import region_around, turned_upright
from engine.blazepose.warp import landmark_input
from engine.body.camera import Camera
from engine.body.crop import SeenPerson, transformed
from engine.body.pose import PersonPose, Points33
from engine.body.root import solve_root_mm
from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33, confidence_of
from engine.runtime.backend import Backend

HIDDEN_BELOW = 0.5
"""A joint whose visibility is below this is reported as hidden; MediaPipe draws points from 0.5 on."""


class BlazePoseEstimator:
    """Poses from the BlazePose landmark network, the same numbers as MediaPipe's, in our axes and joints.

    Keeps nothing between frames. The backend belongs to the caller.
    """

    name = "blazepose"
    crop_size_px = LANDMARK_SIZE_PX

    def __init__(self, backend: Backend, weights: str) -> None:
        self._backend = backend
        self.weights = weights

    def poses(self, crops: Sequence[SeenPerson], camera: Camera) -> list[PersonPose]:
        """One pose per crop, in the same order."""
        if not crops:
            return []
        pictures = landmark_input(np.stack([crop.image_rgb for crop in crops]))
        outputs = self._backend.run({INPUT_NAME: pictures})
        return [_pose(crop, crop_landmarks(outputs, row), camera) for row, crop in enumerate(crops)]

    def forget(self, person_id: int) -> None:
        """Nothing is kept."""


def _pose(crop: SeenPerson, found: CropLandmarks, camera: Camera) -> PersonPose:
    points_px = transformed(found.points_px, crop.frame_from_crop)
    points_mm = turned_upright(found.world_m[:BODY_POINTS], crop_angle_rad(crop)) * np.float32(1000)
    visibility = found.visibility[:BODY_POINTS]
    joints_mm = H36M17_FROM_BLAZEPOSE33 @ points_mm
    joints_mm -= joints_mm[0]
    joints_px = H36M17_FROM_BLAZEPOSE33 @ points_px[:BODY_POINTS]
    confidence = confidence_of(visibility)
    return PersonPose(
        person_id=crop.person_id,
        joints_mm=joints_mm.astype(np.float32),
        root_mm=solve_root_mm(joints_mm, joints_px, weights=confidence, camera=camera),
        joints_px=joints_px.astype(np.float32),
        confidence=confidence,
        hidden=confidence < HIDDEN_BELOW,
        presence=found.presence,
        points33=Points33(points_px[:BODY_POINTS].astype(np.float32), points_mm, visibility),
        next_region=region_around(points_px[NEXT_CENTRE], points_px[NEXT_SCALE]),
    )


def crop_angle_rad(crop: SeenPerson) -> float:
    """The clockwise turn of the crop in the frame, read from its map."""
    linear: NDArray[np.float64] = crop.frame_from_crop[:, :2]
    return float(np.arctan2(linear[1, 0], linear[0, 0]))
