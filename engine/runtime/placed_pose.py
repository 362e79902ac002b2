"""From what the networks say of one crop to the pose of a person in the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.landmarks import BODY_POINTS, NEXT_CENTRE, NEXT_SCALE
from engine.blazepose.regions import region_around, turned_upright
from engine.body.crop import SeenPerson, transformed
from engine.body.pose import PersonPose, Points33
from engine.body.root import solve_root_mm
from engine.body.skeleton_map import BLAZEPOSE33_CARRIER, H36M17_FROM_BLAZEPOSE33
from engine.body.virtual_camera import VirtualView
from engine.runtime.blazepose_estimator import crop_angle_rad

F32 = NDArray[np.float32]

SEEN_FROM = 0.5
"""A joint is reported as hidden where the model gives less than this for its being seen."""


@dataclass(frozen=True, slots=True, eq=False)
class CropAnswer:
    """Of one crop; may point into the memory of a backend. The first four are those of `CropLandmarks`."""

    points_px: F32
    world_m: F32
    visibility: F32
    presence: float
    joints_mm: F32
    """(17, 3) in virtual axes"""
    spread_mm: F32
    """(17,)"""
    seen: F32
    """(17,) 0..1"""
    hypotheses_mm: F32
    """(hypothesis, 17, 3) in virtual axes"""


def placed_pose(crop: SeenPerson, view: VirtualView, answer: CropAnswer, *, hypotheses: int) -> PersonPose:
    """The pose owns its arrays. So many hypotheses are handed on, at most those that there are."""
    points_px = transformed(answer.points_px, crop.frame_from_crop)
    seen = answer.seen
    joints_mm = view.into_camera(answer.joints_mm)
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
        presence=answer.presence,
        spread_mm=answer.spread_mm.copy(),
        points33=Points33(
            points_px[:BODY_POINTS].astype(np.float32),
            _points_mm(crop, answer.world_m, joints_mm),
            answer.visibility[:BODY_POINTS].copy(),
        ),
        hypotheses_mm=_nearest(answer, view, hypotheses),
        next_region=region_around(points_px[NEXT_CENTRE], points_px[NEXT_SCALE]),
    )


def _nearest(answer: CropAnswer, view: VirtualView, count: int) -> F32 | None:
    """The hypotheses that agree best with the estimate, in the axes of the camera."""
    if not count:
        return None
    drawn = answer.hypotheses_mm
    off_mm = np.linalg.norm(drawn - answer.joints_mm, axis=-1).mean(axis=-1)
    return view.into_camera(drawn[np.argsort(off_mm, kind="stable")[:count]]).astype(np.float32)


def _points_mm(crop: SeenPerson, world_m: F32, joints_mm: NDArray[np.float64]) -> F32:
    """BlazePose's points, moved along with the joints that carry them: hands hang on our wrists."""
    points_mm = turned_upright(world_m[:BODY_POINTS], crop_angle_rad(crop)) * np.float32(1000)
    moved_mm = joints_mm - H36M17_FROM_BLAZEPOSE33 @ points_mm
    return (points_mm + moved_mm[BLAZEPOSE33_CARRIER]).astype(np.float32)
