"""An avatar ready to be posed: simplified surface, fixed rig, what a renderer keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.rig import RIG_JOINTS, straightening
from training.synthetic.scene import Look

JOINTS = len(RIG_JOINTS)


@dataclass(frozen=True, eq=False)
class Actor:
    """One person in one outfit, at rest as its file has it: y up, facing +z, feet near y = 0, arms out."""

    name: str
    """The file's name without suffix, for instance White_M_3_Casual."""
    look: Look
    """With hair, where it is a mesh of its own."""
    bald_look: Look | None
    """Without it; None where hair cannot be taken off. Its vertices are the first ones of `look`."""
    vertices_mm: Floats
    normals: Floats
    joint_indices: NDArray[np.uint8]
    """(vertex, 4) rows of RIG_JOINTS."""
    joint_weights: Floats
    rest_mm: Array
    """(52, 3) joints at rest."""

    @property
    def person(self) -> str:
        """Who it is, whatever it wears: outfits of one person share face and body."""
        return self.name.rpartition("_")[0]

    @property
    def woman(self) -> bool:
        return "_F_" in self.name

    @cached_property
    def straight(self) -> Array:
        """(52, 3, 3) global rotations from rest into the straight T-pose."""
        return straightening(self.rest_mm)

    @cached_property
    def height_mm(self) -> float:
        """From the soles to the top of the skull, hair left out."""
        body = self.vertices_mm[: self.body_vertices, 1]
        return float(body.max() - body.min())

    @property
    def body_vertices(self) -> int:
        """Vertices before those of the hair."""
        return len((self.bald_look or self.look).uv)

    @cached_property
    def skin_rgb(self) -> Array:
        """(3,) mean colour of the skin in linear light."""
        texture = self.look.textures_rgba[0][::4, ::4].reshape(-1, 4)
        shown = texture[texture[:, 3] > 200, :3] / 255.0
        linear: Array = (shown**2.2).mean(axis=0)
        return linear

    @cached_property
    def points_by_joint(self) -> csr_array:
        """(vertex, 52 * 4): times stacked joint matrices (52 * 4, 3) it gives the skinned vertices, in one product."""
        moved = self.vertices_mm[:, None] - self.rest_mm.astype(np.float32)[self.joint_indices]
        return self._by_joint(np.concatenate([moved, np.ones((*moved.shape[:2], 1), np.float32)], axis=2))

    @cached_property
    def normals_by_joint(self) -> csr_array:
        """(vertex, 52 * 3): times stacked joint matrices (52 * 3, 3) it gives the normals, not of unit length."""
        return self._by_joint(np.repeat(self.normals[:, None], 4, axis=1))

    def _by_joint(self, values: Floats) -> csr_array:
        """Linear blend skinning (Magnenat-Thalmann et al. 1988) is linear in the joints' matrices: its coefficients."""
        count, width = len(values), values.shape[2]
        columns = self.joint_indices.astype(np.int32)[..., None] * width + np.arange(width, dtype=np.int32)
        rows = np.broadcast_to(np.arange(count, dtype=np.int32)[:, None, None], columns.shape)
        data = self.joint_weights[..., None] * values
        used = np.broadcast_to(self.joint_weights[..., None] > 0, columns.shape)
        return csr_array((data[used], (rows[used], columns[used])), shape=(count, JOINTS * width), dtype=np.float32)
