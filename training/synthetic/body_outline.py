"""How far a body reaches beyond its 17 joints: hands, feet, and a few points of flesh."""

from __future__ import annotations

import numpy as np

from engine.body.skeleton import H36M17
from training.kinematics import Array

_HAND, _TOES = 0.7, 0.25
"""Length of the hand over the forearm's and of the foot below the ankle over the shin's (Drillis and Contini 1966:
0.108 / 0.146 and 0.039 / 0.246 of the height, the foot's a little more for shoes)."""
_FOOT_MM = 190.0
"""From the ankle to the toes of a shoe."""
_ARMS = [(H36M17.row(f"{side}_elbow"), H36M17.row(f"{side}_wrist")) for side in ("left", "right")]
_SHINS = [(H36M17.row(f"{side}_knee"), H36M17.row(f"{side}_ankle")) for side in ("left", "right")]
_LEFT_HIP, _RIGHT_HIP, _PELVIS, _THORAX = H36M17.rows("left_hip", "right_hip", "pelvis", "thorax")


def body_points_mm(joints_mm: Array) -> Array:
    """(17, 3) joints -> (25, 3): the joints, two fingertips, two soles, two toes, front and back of the trunk."""
    across = joints_mm[_LEFT_HIP] - joints_mm[_RIGHT_HIP]
    front = np.cross(across, joints_mm[_THORAX] - joints_mm[_PELVIS])
    front /= max(float(np.linalg.norm(front)), 1e-9)
    tips = [joints_mm[wrist] + _HAND * (joints_mm[wrist] - joints_mm[elbow]) for elbow, wrist in _ARMS]
    soles = [joints_mm[ankle] + _TOES * (joints_mm[ankle] - joints_mm[knee]) for knee, ankle in _SHINS]
    toes = [sole + _FOOT_MM * front for sole in soles]
    middle = (joints_mm[_PELVIS] + joints_mm[_THORAX]) / 2
    return np.concatenate([joints_mm, tips, soles, toes, [middle + 150.0 * front, middle - 150.0 * front]])
