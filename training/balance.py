"""Which recorded frames to draw how often: none that no body can take, and common poses less than their share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.bodies import mean_offsets_mm, posed_mm
from training.cmu import BoneMotion
from training.data_error import DataError
from training.joint_limits import angles_deg, plausible

_CELL_DEG = 30.0
_DESCRIBED = ("hip_flexion", "hip_abduction", "knee_flexion", "elbow_flexion", "arm_across")


def frame_probabilities(motion: BoneMotion) -> NDArray[np.float64]:
    """(frame,) probability of drawing each frame: zero where an elbow or knee bends the wrong way (about 7 % of the
    frames, nearly all from four clips), otherwise by the square root of how common its pose is.

    Poses that agree within 30 degrees in the joints above and in how the trunk and the arms stand share a cell; a cell
    of k frames gets the weight of sqrt(k). Walking stays the most common activity, but no longer by a factor of 1000.
    """
    joints_mm = posed_mm(motion.rotations, mean_offsets_mm(len(motion)))
    human = plausible(joints_mm)
    if not human.any():
        raise DataError.of(
            "motion",
            "frames",
            "there is no frame that a body can take",
            cure="fetch the CMU files that docs/data.md names",
        )
    angles = {name: values for name, values in angles_deg(joints_mm).items() if name.endswith(_DESCRIBED)}
    upward = motion.rotations[:, [7, 8, 12, 13, 15, 16]]  # how far trunk and arms point up
    along = np.concatenate([upward[:, :2, 1, 1], upward[:, 2:, 1, 0]], axis=1)
    described = np.column_stack([*angles.values(), np.degrees(np.arcsin(np.clip(along, -1, 1)))])
    cells = np.floor(np.nan_to_num(described, nan=-999.0) / _CELL_DEG).astype(np.int16)
    _, cell, counts = np.unique(cells[human], axis=0, return_inverse=True, return_counts=True)
    probabilities = np.zeros(len(motion))
    probabilities[human] = 1 / np.sqrt(counts[cell.reshape(-1)])
    probabilities /= probabilities.sum()
    return probabilities
