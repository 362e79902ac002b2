"""How a camera is turned so that something appears at a given place in its picture, the horizon level or rolled."""

from __future__ import annotations

import math

import numpy as np

from training.kinematics import Array

Direction = tuple[float, float, float]


def looking(direction: Direction, ray: Direction, *, roll_rad: float) -> Array | None:
    """(3, 3) camera from world: what lies in `direction` (world, y up) is seen along `ray` (camera axes).

    roll_rad: by how much the picture of the level horizon is turned, clockwise on screen. None where no pitch within
    85 degrees does it (looking up or down so steeply that the wanted place lies beyond the zenith). In plain numbers:
    NumPy's calls would cost several times as much.
    """
    cos, sin = math.cos(roll_rad), math.sin(roll_rad)
    length = math.hypot(*ray)
    x, y, z = (cos * ray[0] + sin * ray[1]) / length, (cos * ray[1] - sin * ray[0]) / length, ray[2] / length
    up = direction[1] / math.hypot(*direction)
    # A camera pitched up by p sees the ray at the height -y cos p + z sin p over the horizon; that is to be `up`.
    reach = math.hypot(y, z)
    if abs(up) >= reach:
        return None
    pitch = math.atan2(y, z) + math.asin(up / reach)
    if abs(pitch) > math.radians(85.0):
        return None
    rise, level = math.sin(pitch), math.cos(pitch)
    # In the horizontal plane, as complex numbers x + iz, the camera's right is i times its heading.
    heading = complex(direction[0], direction[2]) / complex(y * rise + z * level, x)
    east, north = heading.real / abs(heading), heading.imag / abs(heading)
    right, down = (-north, 0.0, east), (rise * east, -level, rise * north)
    upper = [cos * a - sin * b for a, b in zip(right, down, strict=True)]
    lower = [sin * a + cos * b for a, b in zip(right, down, strict=True)]
    return np.array([upper, lower, [east * level, rise, north * level]])
