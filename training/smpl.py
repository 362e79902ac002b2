"""SMPL's surface in numpy, so that Human3.6M's joints can be regressed from it as every 3DPW evaluation does.

Linear blend skinning as in M. Loper et al., "SMPL: a skinned multi-person linear model", 2015. The model is the
user's own (registration, non-commercial): an npz with the arrays of the published file, and the regressor
`J_regressor_h36m.npy`. docs/data.md says how to make the npz from the published pickle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.data_error import DataError
from training.kinematics import forward
from training.unpickling import load_npz

Array = NDArray[np.float64]

_FIELDS = {"v_template": 2, "shapedirs": 3, "posedirs": 3, "J_regressor": 2, "weights": 2, "kintree_table": 2}
SMPL_JOINTS = 24

_REGRESSOR_ROWS = {
    "pelvis": 0, "left_hip": 1, "left_knee": 2, "left_ankle": 3, "right_hip": 4, "right_knee": 5, "right_ankle": 6,
    "spine": 7, "thorax": 8, "neck_nose": 9, "head_top": 10, "left_shoulder": 11, "left_elbow": 12, "left_wrist": 13,
    "right_shoulder": 14, "right_elbow": 15, "right_wrist": 16,
}  # fmt: skip
"""The regressor of HMR and SPIN lists the left leg first; `[6, 5, 4, 1, 2, 3, ...]` in their code shows it, since that
list must begin with the right ankle."""


@dataclass(frozen=True, slots=True, eq=False)
class Smpl:
    """One gender's model."""

    template_m: Array
    """(vertex, 3)"""
    shapes_m: Array
    """(vertex, 3, 10)"""
    pose_shapes_m: Array
    """(vertex, 3, 207)"""
    joint_regressor: Array
    """(24, vertex)"""
    weights: Array
    """(vertex, 24)"""
    parents: tuple[int, ...]

    @classmethod
    def load(cls, path: Path) -> Smpl:
        """From an npz with SMPL's own array names; DataError for what is missing or does not fit together."""
        if path.suffix == ".pkl":
            raise DataError.of(
                path, "format", "the published pickle holds program objects and is not opened",
                cure="convert it to npz once, as docs/data.md shows",
            )  # fmt: skip
        arrays = load_npz(path)
        for name, axes in _FIELDS.items():
            if name not in arrays or arrays[name].ndim != axes:
                raise DataError.of(path, name, f"no array of {axes} axes", cure="convert SMPL as docs/data.md shows")
        parents = [int(parent) for parent in arrays["kintree_table"][0][:SMPL_JOINTS]]
        parents[0] = -1  # stored as the largest unsigned number
        vertices = len(arrays["v_template"])
        model = cls(
            np.asarray(arrays["v_template"], np.float64),
            np.asarray(arrays["shapedirs"], np.float64)[..., :10],
            np.asarray(arrays["posedirs"], np.float64),
            np.asarray(arrays["J_regressor"], np.float64),
            np.asarray(arrays["weights"], np.float64),
            tuple(parents),
        )
        wanted = {"joint_regressor": (SMPL_JOINTS, vertices), "weights": (vertices, SMPL_JOINTS)}
        for field, shape in wanted.items():
            if getattr(model, field).shape != shape:
                found = getattr(model, field).shape
                raise DataError.of(path, field, f"is {found}, not {shape}", cure="convert SMPL as docs/data.md shows")
        return model

    def vertices_m(self, betas: Array, axis_angles: Array, translation_m: Array) -> Array:
        """(10,) shape, (frame, 72) pose, (frame, 3) root translation -> (frame, vertex, 3) metres."""
        shaped = self.template_m + self.shapes_m[..., : len(betas)] @ betas
        joints = self.joint_regressor @ shaped
        turns = rotations_of(axis_angles.reshape(len(axis_angles), SMPL_JOINTS, 3))
        bent = (turns[:, 1:] - np.eye(3)).reshape(len(turns), -1)
        posed = shaped + np.einsum("vck,fk->fvc", self.pose_shapes_m, bent)
        above = np.array(self.parents[1:])
        offsets = np.concatenate([joints[:1], joints[1:] - joints[above]])
        world, places = forward(self.parents, turns, np.broadcast_to(offsets, (len(turns), *offsets.shape)))
        moved = places - np.einsum("fjab,jb->fja", world, joints)
        blended = np.einsum("vj,fjab->fvab", self.weights, world)
        shift = np.einsum("vj,fja->fva", self.weights, moved)
        turned: Array = np.einsum("fvab,fvb->fva", blended, posed)
        turned += shift + translation_m[:, None]
        return turned


def load_regressor(path: Path) -> Array:
    """`J_regressor_h36m.npy` (17, vertex) with its rows brought into the order of H36M-17."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError.of(
            path, "array", f"cannot be read ({error})", cure="fetch it again, see docs/data.md"
        ) from error
    if rows.ndim != 2 or len(rows) != len(H36M17.names) or not np.isfinite(rows).all():
        raise DataError.of(path, "array", f"is {rows.shape}, not (17, vertices)", cure="see docs/data.md")
    return np.asarray(rows, np.float64)[[_REGRESSOR_ROWS[name] for name in H36M17.names]]


def rotations_of(axis_angles: Array) -> Array:
    """(..., 3) axis times angle -> (..., 3, 3), Rodrigues' formula."""
    angle = np.linalg.norm(axis_angles, axis=-1)
    x, y, z = np.moveaxis(axis_angles / np.maximum(angle, 1e-12)[..., None], -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*angle.shape, 3, 3)
    sine, rest = np.sin(angle)[..., None, None], (1 - np.cos(angle))[..., None, None]
    return np.asarray(np.eye(3) + sine * cross + rest * (cross @ cross))
