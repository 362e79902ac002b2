"""How a camera is turned so that something appears at a given place in its picture, the horizon level or rolled."""

from __future__ import annotations

import math

import numpy as np

from training.kinematics import Array


def looking(direction: Array, ray: Array, *, roll_rad: float) -> Array | None:
    """(3, 3) camera from world: what lies in `direction` (world, y up) is seen along `ray` (camera axes).

    roll_rad: by how much the picture of the level horizon is turned, clockwise on screen. None where no pitch within
    85 degrees does it (looking up or down so steeply that the wanted place lies beyond the zenith).
    """
    cos, sin = math.cos(roll_rad), math.sin(roll_rad)
    roll = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    x, y, z = roll.T @ (ray / np.linalg.norm(ray))
    up = float(direction[1] / np.linalg.norm(direction))
    # A camera pitched up by p sees the ray at the height -y cos p + z sin p over the horizon; that is to be `up`.
    reach = math.hypot(y, z)
    if abs(up) >= reach:
        return None
    pitch = math.atan2(y, z) + math.asin(up / reach)
    if abs(pitch) > math.radians(85.0):
        return None
    ahead = y * math.sin(pitch) + z * math.cos(pitch)
    # In the horizontal plane, as complex numbers x + iz, the camera's right is i times its heading.
    heading = complex(float(direction[0]), float(direction[2])) / complex(ahead, x)
    heading /= abs(heading)
    forward = np.array([heading.real * math.cos(pitch), math.sin(pitch), heading.imag * math.cos(pitch)])
    right = np.array([-heading.imag, 0.0, heading.real])
    rotation: Array = roll @ np.stack([right, np.cross(forward, right), forward])
    return rotation
