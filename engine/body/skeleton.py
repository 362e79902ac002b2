"""Skeletons: joint names, parents and mirror pairs.

Joints are matched by name, never by bare index. The row order of H36M-17 is that of Human3.6M's usual
17-joint subset (right leg first), see docs/stream.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Names and topology of a fixed set of joints; row i of every joint array is `names[i]`."""

    id: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    """Row of each joint's parent; -1 for the root. A parent's row is always smaller than its child's."""
    mirror_pairs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if len(self.parents) != len(self.names):
            raise ValueError(f"{self.id}: {len(self.parents)} parents for {len(self.names)} names")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"{self.id}: a joint name occurs twice in {self.names}")
        if any(parent >= row for row, parent in enumerate(self.parents)):
            raise ValueError(f"{self.id}: a parent must stand before its child, got {self.parents}")

    def row(self, name: str) -> int:
        """Row of the joint called `name`; KeyError names the joints that exist."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"{self.id} has no joint {name!r}; it has {', '.join(self.names)}") from None

    def rows(self, *names: str) -> list[int]:
        return [self.row(name) for name in names]

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent row, child row) of every bone."""
        return tuple((parent, row) for row, parent in enumerate(self.parents) if parent >= 0)

    @property
    def mirror_rows(self) -> NDArray[np.intp]:
        """Row order that swaps left and right: `mirrored = joints[mirror_rows]` after negating x."""
        rows = np.arange(len(self.names))
        for one, other in self.mirror_pairs:
            rows[[one, other]] = other, one
        return rows


def _named(skeleton_id: str, parent_of: dict[str, str | None], mirrored: tuple[tuple[str, str], ...]) -> Skeleton:
    names = tuple(parent_of)
    parents = tuple(-1 if parent is None else names.index(parent) for parent in parent_of.values())
    pairs = tuple((names.index(one), names.index(other)) for one, other in mirrored)
    return Skeleton(skeleton_id, names, parents, pairs)


def _sides(*parts: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"left_{part}", f"right_{part}") for part in parts)


H36M17 = _named(
    "h36m17/1",
    {
        "pelvis": None,
        "right_hip": "pelvis",
        "right_knee": "right_hip",
        "right_ankle": "right_knee",
        "left_hip": "pelvis",
        "left_knee": "left_hip",
        "left_ankle": "left_knee",
        "spine": "pelvis",
        "thorax": "spine",
        "neck_nose": "thorax",
        "head_top": "neck_nose",
        "left_shoulder": "thorax",
        "left_elbow": "left_shoulder",
        "left_wrist": "left_elbow",
        "right_shoulder": "thorax",
        "right_elbow": "right_shoulder",
        "right_wrist": "right_elbow",
    },
    _sides("hip", "knee", "ankle", "shoulder", "elbow", "wrist"),
)

BLAZEPOSE33_NAMES: tuple[str, ...] = (
    "nose",
    "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""Row order of the 33 BlazePose points (MediaPipe Pose landmark model, public documentation)."""

COCO17_NAMES: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
