"""How far a body reaches beyond its 17 joints: hands, feet, and a few points of flesh."""

from __future__ import annotations

import math

import numpy as np

from engine.body.skeleton import H36M17
from training.kinematics import Array

_HAND, _TOES = 0.7, 0.25
"""Length of the hand over the forearm's and of the foot below the ankle over the shin's (Drillis and Contini 1966:
0.108 / 0.146 and 0.039 / 0.246 of the height, the foot's a little more for shoes)."""
_FOOT_MM = 190.0
"""From the ankle to the toes of a shoe."""
_ELBOWS, _WRISTS = H36M17.rows("left_elbow", "right_elbow"), H36M17.rows("left_wrist", "right_wrist")
_KNEES, _ANKLES = H36M17.rows("left_knee", "right_knee"), H36M17.rows("left_ankle", "right_ankle")
_LEFT_HIP, _RIGHT_HIP, _PELVIS, _THORAX = H36M17.rows("left_hip", "right_hip", "pelvis", "thorax")
_FLESH_MM = np.array([[150.0], [-150.0]])


def body_points_mm(joints_mm: Array) -> Array:
    """(17, 3) joints -> (25, 3): the joints, two fingertips, two soles, two toes, front and back of the trunk."""
    front = body_front(joints_mm)
    wrists, ankles = joints_mm[_WRISTS], joints_mm[_ANKLES]
    tips = wrists + _HAND * (wrists - joints_mm[_ELBOWS])
    soles = ankles + _TOES * (ankles - joints_mm[_KNEES])
    trunk = (joints_mm[_PELVIS] + joints_mm[_THORAX]) / 2 + _FLESH_MM * front
    return np.concatenate([joints_mm, tips, soles, soles + _FOOT_MM * front, trunk])


def body_front(joints_mm: Array) -> Array:
    """(3,) unit length: where the trunk of (17, 3) joints faces."""
    a, b, c = (joints_mm[_LEFT_HIP] - joints_mm[_RIGHT_HIP]).tolist()
    d, e, f = (joints_mm[_THORAX] - joints_mm[_PELVIS]).tolist()
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    return np.array([x, y, z]) / max(math.hypot(x, y, z), 1e-9)
