"""The skeleton at rest: what retargeting starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17

HEIGHT_MM = 1750.0

# Heights above the floor and segment lengths as fractions of body height: R. Drillis, R. Contini, "Body segment
# parameters", 1966, as drawn in D. Winter, "Biomechanics and motor control of human movement".
_ANKLE, _KNEE, _HIP, _SHOULDER, _CHIN, _TOP = 0.039, 0.285, 0.530, 0.818, 0.870, 1.000
_UPPER_ARM, _FOREARM = 0.186, 0.146

_HIP_SIDE_MM = 132.5
"""Half of the distance between the hips in Human3.6M's skeleton, about 265 mm on a man of this height."""
_SHOULDER_SIDE_MM = 0.100 * HEIGHT_MM
"""The shoulder's joint centre lies inside the acromion, which stands at 0.129 of the height."""
_FACE_FORWARD_MM = 60.0
"""The neck/nose joint lies in front of the neck, a little above the chin."""
_NECK = _CHIN + 0.02


def _rest_pose_mm() -> NDArray[np.float32]:
    elbow_mm = _SHOULDER_SIDE_MM + _UPPER_ARM * HEIGHT_MM
    sides = {
        "hip": (_HIP_SIDE_MM, _HIP),
        "knee": (_HIP_SIDE_MM, _KNEE),
        "ankle": (_HIP_SIDE_MM, _ANKLE),
        "shoulder": (_SHOULDER_SIDE_MM, _SHOULDER),
        "elbow": (elbow_mm, _SHOULDER),
        "wrist": (elbow_mm + _FOREARM * HEIGHT_MM, _SHOULDER),
    }
    middle = {
        "pelvis": _HIP,
        "spine": (_HIP + _SHOULDER) / 2,
        "thorax": _SHOULDER,
        "neck_nose": _NECK,
        "head_top": _TOP,
    }
    place = {name: (0.0, height) for name, height in middle.items()}
    # Who faces the camera has the left hand at the picture's right, at positive x.
    place |= {f"left_{name}": where for name, where in sides.items()}
    place |= {f"right_{name}": (-side_mm, height) for name, (side_mm, height) in sides.items()}
    rest = np.array([(place[name][0], (_HIP - place[name][1]) * HEIGHT_MM, 0.0) for name in H36M17.names], np.float32)
    rest[H36M17.row("neck_nose"), 2] = -_FACE_FORWARD_MM
    rest.setflags(write=False)
    return rest


REST_POSE_MM = _rest_pose_mm()
"""(17, 3) an adult of 1.75 m in T-pose, facing the camera, upright; OpenCV axes, pelvis at zero, read-only."""
