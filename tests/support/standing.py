"""A person in the world for tests of what surrounds people: the skeleton at rest on the ground, arms lowered."""

import numpy as np

from engine.body.rest_pose import REST_POSE_MM
from engine.body.skeleton import H36M17
from training.kinematics import axis_rotation

ARMS = {side: H36M17.rows(f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")}


def standing_mm(*, x_mm: float = 0.0, z_mm: float = 0.0, turned_rad: float = 0.0, lying: bool = False) -> np.ndarray:
    """(17, 3) world, y up, feet on the ground; faces +z before it is turned."""
    joints = REST_POSE_MM.astype(np.float64) * [1.0, -1.0, -1.0]
    for side, angle in (("left", -1.2), ("right", 1.2)):
        rows = ARMS[side]
        joints[rows] = (joints[rows] - joints[rows[0]]) @ axis_rotation("Z", angle).T + joints[rows[0]]
    if lying:
        joints = joints @ axis_rotation("X", -np.pi / 2).T
    joints = joints @ axis_rotation("Y", turned_rad).T
    joints[:, 1] += (120.0 if lying else 68.0) - joints[:, 1].min()
    return joints + [x_mm, 0.0, z_mm]
