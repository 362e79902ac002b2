"""The Di2Pose estimator: BlazePose as image encoder, our few-step denoiser and decoder for pose and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.landmarks import BODY_POINTS, NEXT_CENTRE, NEXT_SCALE
from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.blazepose.regions import region_around, turned_upright
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, transformed
from engine.body.pose import PersonPose, Points33
from engine.body.root import solve_root_mm
from engine.body.skeleton_map import BLAZEPOSE33_CARRIER, H36M17_FROM_BLAZEPOSE33
from engine.body.virtual_camera import VirtualView
from engine.runtime.backend import Backend, BackendError
from engine.runtime.blazepose_encoder import BlazePoseEncoder, Encoding
from engine.runtime.blazepose_estimator import crop_angle_rad
from engine.runtime.live_numbers import LiveNumbers

F32 = NDArray[np.float32]

NOISE = "noise"
SEEN_FROM = 0.5
"""A joint is reported as hidden where the model gives less than this for its being seen."""
_NOISE_SEED = 0


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

    name = "di2pose"
    crop_size_px = LANDMARK_SIZE_PX

    def __init__(self, encoder: BlazePoseEncoder, backend: Backend, weights: str, *, hypotheses: int = 0) -> None:
        self._encoder, self._backend, self.weights = encoder, backend, weights
        self._hypotheses = hypotheses
        noise = [info for info in backend.inputs if info.name == NOISE]
        if not noise or not all(isinstance(size, int) for size in noise[0].shape):
            found = ", ".join(info.name for info in backend.inputs)
            raise BackendError(f"the graph of the live model takes noise of a fixed shape, this one takes {found}")
        rng = np.random.default_rng(_NOISE_SEED)
        self._noise = rng.gumbel(size=tuple(int(size) for size in noise[0].shape)).astype(np.float32)

    def poses(self, crops: Sequence[PersonCrop], camera: Camera) -> list[PersonPose]:
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
            _pose(
                crop,
                encodings[row],
                views[row],
                {name: values[row] for name, values in outputs.items()},
                hypotheses=self._hypotheses,
            )
            for row, crop in enumerate(crops)
        ]

    def forget(self, person_id: int) -> None:
        """Nothing is kept."""


def _pose(
    crop: PersonCrop, encoding: Encoding, view: VirtualView, answer: Mapping[str, F32], *, hypotheses: int
) -> PersonPose:
    found = encoding.landmarks
    points_px = transformed(found.points_px, crop.frame_from_crop)
    seen = answer["seen"]
    joints_mm = view.into_camera(answer["joints_mm"])
    found_px = H36M17_FROM_BLAZEPOSE33 @ points_px[:BODY_POINTS]
    root_mm = solve_root_mm(joints_mm, found_px, weights=seen, camera=view.camera)
    # Where a joint is hidden BlazePose guesses and the body knows better (docs/experiments.md).
    projected_px = view.camera.project(joints_mm + root_mm)
    joints_px = seen[:, None] * found_px + (1 - seen[:, None]) * projected_px
    return PersonPose(
        person_id=crop.person_id,
        joints_mm=joints_mm.astype(np.float32),
        root_mm=root_mm,
        joints_px=joints_px.astype(np.float32),
        confidence=seen.copy(),
        hidden=seen < SEEN_FROM,
        presence=found.presence,
        spread_mm=answer["spread_mm"].copy(),
        points33=Points33(
            points_px[:BODY_POINTS].astype(np.float32),
            _points_mm(crop, encoding, joints_mm),
            found.visibility[:BODY_POINTS],
        ),
        hypotheses_mm=_nearest(answer, view, hypotheses),
        next_region=region_around(points_px[NEXT_CENTRE], points_px[NEXT_SCALE]),
    )


def _nearest(answer: Mapping[str, F32], view: VirtualView, count: int) -> F32 | None:
    """The hypotheses that agree best with the estimate, in the axes of the camera."""
    if not count:
        return None
    drawn = answer["hypotheses_mm"]
    off_mm = np.linalg.norm(drawn - answer["joints_mm"], axis=-1).mean(axis=-1)
    return view.into_camera(drawn[np.argsort(off_mm, kind="stable")[:count]]).astype(np.float32)


def _points_mm(crop: PersonCrop, encoding: Encoding, joints_mm: NDArray[np.float64]) -> F32:
    """BlazePose's points, moved along with the joints that carry them: hands hang on our wrists."""
    points_mm = turned_upright(encoding.landmarks.world_m[:BODY_POINTS], crop_angle_rad(crop)) * np.float32(1000)
    moved_mm = joints_mm - H36M17_FROM_BLAZEPOSE33 @ points_mm
    return (points_mm + moved_mm[BLAZEPOSE33_CARRIER]).astype(np.float32)
