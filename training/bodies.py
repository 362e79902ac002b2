"""Bodies of human proportions: bone lengths drawn per person, and the bones of a motion put on them.

Means and spreads are shares of body height. Trunk, neck, head and hips follow Human3.6M's own 17 joints (the mean
skeleton published with its angle files: hips 2 x 132.9 mm, spine 233.4 and 257.1, neck 121.1, head 115.0, thigh 442.9,
shank 454.2, shoulder 151.0, upper arm 278.9, forearm 251.7 mm, a person of about 1.75 m). Limbs lie between those and
R. Drillis, R. Contini, "Body segment parameters", 1966 (thigh 0.245, shank 0.246, upper arm 0.186, forearm 0.146).
Spreads of about 4 % of a segment and the sexes' differences in shoulder and hip width follow C. Gordon et al.,
"2012 Anthropometric survey of U.S. Army personnel", 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.cmu import F32, Split

JOINTS = len(H36M17.names)
HEIGHTS_MM = (1500.0, 1950.0)
_SEX_HEIGHT_MM = ((1760.0, 80.0), (1640.0, 75.0))
"""Mean and spread of men and women; wider than any one nation's so that the whole range is drawn."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Share of body height: mean of men, mean of women, spread of either."""

    man: float
    woman: float
    spread: float


SEGMENTS = {
    "hip": Segment(0.0757, 0.0775, 0.0040),
    "thigh": Segment(0.2500, 0.2480, 0.0075),
    "shank": Segment(0.2530, 0.2490, 0.0075),
    "spine": Segment(0.1340, 0.1350, 0.0065),
    "chest": Segment(0.1470, 0.1440, 0.0065),
    "neck": Segment(0.0690, 0.0680, 0.0045),
    "head": Segment(0.0690, 0.0690, 0.0055),
    "shoulder": Segment(0.0880, 0.0820, 0.0045),
    "upper_arm": Segment(0.1680, 0.1650, 0.0080),
    "forearm": Segment(0.1450, 0.1420, 0.0060),
}
_LARGEST_Z = 2.5
"""Draws are cut off here, so a length never leaves the human range."""
_FAMILY = {"thigh": "leg", "shank": "leg", "upper_arm": "arm", "forearm": "arm", "spine": "trunk", "chest": "trunk"}
_FAMILY_SHARE = 0.6
"""Correlation of the segments of one limb: who has long thighs has long shanks."""

_CELL_HEIGHT_MM, _CELL_Z = 50.0, 0.75


def draw_offsets_mm(rng: np.random.Generator, count: int, *, split: Split) -> F32:
    """(count, 17, 3) bone vectors of `count` adults at rest: straight T-pose, person axes (x left, y up, z front).

    Test bodies come from a checkerboard over (height, length of legs, length of arms) whose other cells are the
    training bodies', so no combination of proportions seen in training is met again: see `cell_parity`.
    """
    height, z = _draws(rng, 4 * count + 16)
    wanted = np.flatnonzero(cell_parity(height, z["leg"], z["arm"]) == (split == "test"))[:count]
    while len(wanted) < count:  # about half of the draws fit; four times as many practically always suffice
        more_height, more_z = _draws(rng, 4 * count + 16)
        height = np.concatenate([height, more_height])
        z = {name: np.concatenate([z[name], more_z[name]]) for name in z}
        wanted = np.flatnonzero(cell_parity(height, z["leg"], z["arm"]) == (split == "test"))[:count]
    return _offsets(height[wanted], {name: values[wanted] for name, values in z.items()})


def mean_offsets_mm(count: int, height_mm: float = 1700.0) -> F32:
    """(count, 17, 3) the same body `count` times: halfway between the mean man and the mean woman."""
    names = (*SEGMENTS, "curve", "face", "slope")
    one = _offsets(np.array([height_mm]), {name: np.zeros(1) for name in names} | {"woman": np.full(1, 0.5)})
    return np.repeat(one, count, axis=0)


def cell_parity(
    height_mm: NDArray[np.float64], leg_z: NDArray[np.float64], arm_z: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """True in the test cells of the checkerboard of bodies, 50 mm of height by 0.75 spreads of leg and arm length."""
    cells = np.floor(height_mm / _CELL_HEIGHT_MM) + np.floor(leg_z / _CELL_Z) + np.floor(arm_z / _CELL_Z)
    odd: NDArray[np.bool_] = cells.astype(np.int64) % 2 == 1
    return odd


def posed_mm(rotations: F32, offsets_mm: F32) -> F32:
    """(n, 17, 3, 3) turns of bones and (n, 17, 3) bones at rest -> (n, 17, 3) joints, pelvis at zero, same axes."""
    bones: F32 = np.einsum("njab,njb->nja", rotations, offsets_mm)
    joints = np.empty_like(bones)
    for row, parent in enumerate(H36M17.parents):
        joints[:, row] = joints[:, parent] + bones[:, row] if parent >= 0 else 0.0
    return joints


def bone_lengths_mm(joints_mm: NDArray[np.floating]) -> NDArray[np.floating]:
    """(..., 17, 3) joints -> (..., 16) lengths in the order of `H36M17.bones`."""
    parents, children = np.array(H36M17.bones).T
    lengths: NDArray[np.floating] = np.linalg.norm(joints_mm[..., children, :] - joints_mm[..., parents, :], axis=-1)
    return lengths


def _draws(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Heights in mm and standard scores per segment, per family of segments ('leg', 'arm', 'trunk') and for posture."""
    woman = rng.random(count) < 0.5
    mean, spread = np.array(_SEX_HEIGHT_MM)[woman.astype(int)].T
    height = np.clip(mean + spread * rng.standard_normal(count), *HEIGHTS_MM)
    names = (*dict.fromkeys(_FAMILY.values()), *SEGMENTS, "curve", "face", "slope")
    z = {name: np.clip(rng.standard_normal(count), -_LARGEST_Z, _LARGEST_Z) for name in names}
    for segment, family in _FAMILY.items():
        z[segment] = np.sqrt(_FAMILY_SHARE) * z[family] + np.sqrt(1 - _FAMILY_SHARE) * z[segment]
        z[segment] = np.clip(z[segment], -_LARGEST_Z, _LARGEST_Z)
    z["woman"] = woman.astype(np.float64)
    return height, z


def _offsets(height_mm: NDArray[np.float64], z: dict[str, NDArray[np.float64]]) -> F32:
    def length(name: str) -> NDArray[np.float64]:
        segment = SEGMENTS[name]
        return height_mm * (segment.man + (segment.woman - segment.man) * z["woman"] + segment.spread * z[name])

    offsets = np.zeros((len(height_mm), JOINTS, 3))

    def put(name: str, length_mm: NDArray[np.float64], direction: tuple[object, object, object]) -> None:
        unit = np.stack([np.broadcast_to(np.asarray(part, np.float64), length_mm.shape) for part in direction], axis=-1)
        offsets[:, H36M17.row(name)] = length_mm[:, None] * unit / np.linalg.norm(unit, axis=-1, keepdims=True)

    for side, sign in (("left", 1.0), ("right", -1.0)):
        put(f"{side}_hip", length("hip"), (sign, 0.0, 0.0))
        put(f"{side}_knee", length("thigh"), (0.0, -1.0, 0.0))
        put(f"{side}_ankle", length("shank"), (0.0, -1.0, 0.0))
        put(f"{side}_shoulder", length("shoulder"), (sign, -0.06 + 0.05 * z["slope"], 0.0))
        put(f"{side}_elbow", length("upper_arm"), (sign, 0.0, 0.0))
        put(f"{side}_wrist", length("forearm"), (sign, 0.0, 0.0))
    # The spine joint lies behind the line from pelvis to thorax, the neck/nose joint at the face, before the neck.
    curve = 0.08 + 0.04 * z["curve"]
    put("spine", length("spine"), (0.0, 1.0, -curve))
    put("thorax", length("chest"), (0.0, 1.0, curve))
    face = 0.45 + 0.08 * z["face"]
    put("neck_nose", length("neck"), (0.0, 1.0, face))
    put("head_top", length("head"), (0.0, 1.0, -0.7 * face))
    return offsets.astype(np.float32)
