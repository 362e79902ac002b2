"""An actor in a pose and a shape: joints of the rig, vertices, normals, and Human3.6M's joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.avatar import Floats
from training.kinematics import Array
from training.synthetic.actor import Actor
from training.synthetic.h36m_joints import CARRIER_ROWS, rest_points_mm
from training.synthetic.rig import RIG_PARENTS
from training.synthetic.shape import Shape

_PARENTS = np.array(RIG_PARENTS)


def _chains() -> Array:
    """(52, 52): 1 where a joint's way from its parent is a part of another's way from the hips."""
    chains = np.eye(len(_PARENTS))
    for row in range(1, len(_PARENTS)):
        chains[row] += chains[_PARENTS[row]]
    return chains


_CHAINS = _chains()


@dataclass(frozen=True, eq=False)
class Body:
    """An actor with a shape; what does not depend on the pose is worked out once."""

    actor: Actor
    shape: Shape

    @cached_property
    def _stretched(self) -> Array:
        """(52, 3, 3): from rest into the straight T-pose, then scaled along its axes."""
        stretched: Array = self.shape.scales[:, :, None] * self.actor.straight
        return stretched

    @cached_property
    def _shrunk(self) -> Floats:
        """(52, 3, 3): the same for normals, which scale the other way round."""
        return (self.actor.straight / self.shape.scales[:, :, None]).astype(np.float32)

    @cached_property
    def offsets_mm(self) -> Array:
        """(52, 3) from each joint's parent in the straight T-pose; the hips' own is zero."""
        rest = self.actor.rest_mm
        offsets = np.zeros_like(rest)
        ways = (rest[1:] - rest[_PARENTS[1:]])[..., None]
        offsets[1:] = (self._stretched[_PARENTS[1:]] @ ways)[..., 0]
        return offsets

    @cached_property
    def _points_mm(self) -> Array:
        """(17, 3) Human3.6M's joints from their carriers, straight and scaled."""
        ways = rest_points_mm(self.actor) - self.actor.rest_mm[CARRIER_ROWS]
        points: Array = (self._stretched[CARRIER_ROWS] @ ways[..., None])[..., 0]
        return points

    def placed_mm(self, turns: Array) -> Array:
        """(52, 3, 3) global turns away from the straight T-pose -> (52, 3) joints of the rig, the hips at zero."""
        ways = (turns[_PARENTS] @ self.offsets_mm[..., None])[..., 0]
        placed: Array = _CHAINS @ ways
        return placed

    def joints_mm(self, turns: Array, placed_mm: Array) -> Array:
        """(17, 3) Human3.6M's joints where the rig's joints stand at `placed_mm`."""
        ways = turns[CARRIER_ROWS] @ self._points_mm[..., None]
        joints: Array = placed_mm[CARRIER_ROWS] + ways[..., 0]
        return joints

    def skinned(self, turns: Array, placed_mm: Array) -> tuple[Floats, Floats]:
        """(vertex, 3) in mm and unit normals: v' = sum of w_j (T_j S_j K_j (v - r_j) + p_j), K straight, S scales."""
        matrices = np.empty((len(turns), 4, 3), np.float32)
        matrices[:, :3] = np.swapaxes(turns @ self._stretched, 1, 2)
        matrices[:, 3] = placed_mm
        vertices: Floats = self.actor.points_by_joint @ matrices.reshape(-1, 3)
        facing = np.swapaxes(turns.astype(np.float32) @ self._shrunk, 1, 2).reshape(-1, 3)
        normals: Floats = self.actor.normals_by_joint @ facing
        lengths = np.sqrt(np.einsum("vi,vi->v", normals, normals))
        return vertices, normals / np.maximum(lengths, np.float32(1e-9))[:, None]
