"""The 14 joints on which 3DPW is scored, by name, and where they lie in H36M-17.

LSP (Leeds Sports Pose) lists the right leg from the ankle up, the left leg from the hip down, the arms likewise, then
neck and head top. The index list in most code (6, 5, 4, 1, 2, 3, ...) belongs to a 17-joint regressor whose left leg
comes first; H36M-17 has the right leg first, so those numbers would swap the legs here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17

LSP14_FROM_H36M17 = {
    "right_ankle": "right_ankle",
    "right_knee": "right_knee",
    "right_hip": "right_hip",
    "left_hip": "left_hip",
    "left_knee": "left_knee",
    "left_ankle": "left_ankle",
    "right_wrist": "right_wrist",
    "right_elbow": "right_elbow",
    "right_shoulder": "right_shoulder",
    "left_shoulder": "left_shoulder",
    "left_elbow": "left_elbow",
    "left_wrist": "left_wrist",
    "neck": "thorax",
    "head_top": "head_top",
}
"""LSP's joint -> H36M-17's, in LSP's order."""

LSP14_ROWS: NDArray[np.intp] = np.array(H36M17.rows(*LSP14_FROM_H36M17.values()))
"""`joints[..., LSP14_ROWS, :]` are the 14 joints of (..., 17, 3)."""
LSP14_ROWS.setflags(write=False)
