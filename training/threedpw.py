"""3DPW's sequence files: people in the wild, filmed by a moving phone.

A file sequenceFiles/{train,validation,test}/NAME.pkl is a pickled dictionary (its readme.txt; Python 2): `sequence`,
`genders`, `betas`, `poses` (list per person of (frame, 72)), `trans`, `jointPositions` (list per person of (frame, 72):
24 SMPL joints in metres and world axes), `poses2d` (list per person of (frame, 3, 18)), `cam_intrinsics` (3, 3),
`cam_poses` (frame, 4, 4) camera-from-world, `campose_valid` (list per person of (frame,)), `img_frame_ids`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from training.data_error import DataError
from training.smpl import SMPL_JOINTS, Smpl
from training.unpickling import load_pickle

SPLITS = ("train", "validation", "test")

OCCLUDED_PREFIXES = (
    "courtyard_backpack", "courtyard_basketball", "courtyard_bodyScannerMotions", "courtyard_box", "courtyard_golf",
    "courtyard_jacket", "courtyard_laceShoe", "downtown_stairs", "flat_guitar", "flat_packBags", "outdoors_climbing",
    "outdoors_crosscountry", "outdoors_fencing", "outdoors_freestyle", "outdoors_golf", "outdoors_parcours",
    "outdoors_slalom",
)  # fmt: skip
"""3DPW-Occ: every sequence of any split whose name begins so. It overlaps the train split: who reports it must not
train on 3DPW."""

_SMPL_ROWS = {
    "pelvis": 0, "right_hip": 2, "right_knee": 5, "right_ankle": 8, "left_hip": 1, "left_knee": 4, "left_ankle": 7,
    "spine": 6, "thorax": 12, "left_shoulder": 16, "left_elbow": 18, "left_wrist": 20, "right_shoulder": 17,
    "right_elbow": 19, "right_wrist": 21,
}  # fmt: skip
"""The nearest of SMPL's 24 joints; neck/nose and head top have none. Hips lie about 60 mm further inside and below."""
_GENDERS = {"m": "male", "f": "female", "male": "male", "female": "female"}


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person of a sequence, in the camera's axes."""

    sequence: str
    split: str
    row: int
    """0 or 1: which person of the sequence."""
    joints_mm: NDArray[np.float32]
    """(frame, 17, 3) relative to the pelvis; zero where not known."""
    known: NDArray[np.bool_]
    """(17,) joints that the source has."""
    root_mm: NDArray[np.float32]
    """(frame, 3)"""
    valid: NDArray[np.bool_]
    """(frame,) the camera is aligned and the joints are finite; only these are scored."""
    poses2d_px: NDArray[np.float32]
    """(frame, 18, 3) detections x, y, score in OpenPose's COCO order, zero where there is none."""
    camera: Camera
    source: str
    """'SMPL joints' (comparable with nothing published) or 'H36M regressor' (the protocol)."""

    def __len__(self) -> int:
        return len(self.root_mm)

    def image_name(self, frame: int) -> str:
        """Below imageFiles/."""
        return f"{self.sequence}/image_{frame:05d}.jpg"


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """The user's SMPL models by gender, and the Human3.6M regressor in the order of H36M-17."""

    models: dict[str, Smpl]
    regressor: NDArray[np.float64]


def is_occluded(sequence: str) -> bool:
    """Whether a sequence belongs to 3DPW-Occ."""
    return sequence.startswith(OCCLUDED_PREFIXES)


def read_sequences(directory: Path, split: str, *, surfaces: Surfaces | None = None) -> Iterator[Person]:
    """Everybody in sequenceFiles/SPLIT, by name; DataError where a file is refused or the folder is missing."""
    folder = directory / "sequenceFiles" / split
    paths = sorted(folder.glob("*.pkl"))
    if split not in SPLITS or not paths:
        raise _refused(folder, "*.pkl", f"there is no sequence; splits are {', '.join(SPLITS)}")
    for path in paths:
        yield from read_sequence(path, surfaces=surfaces)


def read_sequence(path: Path, *, surfaces: Surfaces | None = None) -> list[Person]:
    """The people of one file; with `surfaces` their joints are regressed as the protocol asks."""
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise _refused(path, "content", f"is a {type(content).__name__}, not a dictionary")
    camera, camera_from_world = _camera(path, content)
    people = _field(path, content, "jointPositions")
    if not isinstance(people, list) or not people:
        raise _refused(path, "jointPositions", "is no list of people")
    return [
        _person(path, content, row=row, camera=camera, camera_from_world=camera_from_world, surfaces=surfaces)
        for row in range(len(people))
    ]


def _person(
    path: Path,
    content: dict[str, Any],
    *,
    row: int,
    camera: Camera,
    camera_from_world: NDArray[np.float64],
    surfaces: Surfaces | None,
) -> Person:
    frames = len(camera_from_world)
    recorded = _array(path, content, "jointPositions", row=row, shape=(frames, SMPL_JOINTS * 3))
    valid = _array(path, content, "campose_valid", row=row, shape=(frames,)).astype(bool)
    poses2d = _array(path, content, "poses2d", row=row, shape=(frames, 3, 18))
    if surfaces is None:
        world_m = np.zeros((frames, len(H36M17.names), 3))
        for name, smpl_row in _SMPL_ROWS.items():
            world_m[:, H36M17.row(name)] = recorded.reshape(frames, SMPL_JOINTS, 3)[:, smpl_row]
        known = np.array([name in _SMPL_ROWS for name in H36M17.names])
    else:
        world_m = _regressed_m(path, content, row=row, surfaces=surfaces, frames=frames)
        known = np.ones(len(H36M17.names), bool)
    seen_mm = 1000 * (
        np.einsum("fab,fjb->fja", camera_from_world[:, :3, :3], world_m) + camera_from_world[:, None, :3, 3]
    )
    valid &= np.isfinite(seen_mm).all(axis=(1, 2))
    seen_mm = np.where(valid[:, None, None], seen_mm, 0.0)
    joints_mm = np.where(known[:, None], seen_mm - seen_mm[:, :1], 0.0)
    return Person(
        path.stem,
        path.parent.name,
        row,
        joints_mm.astype(np.float32),
        known,
        seen_mm[:, 0].astype(np.float32),
        valid,
        np.swapaxes(poses2d, 1, 2).astype(np.float32),
        camera,
        "SMPL joints" if surfaces is None else "H36M regressor",
    )


def _regressed_m(
    path: Path, content: dict[str, Any], *, row: int, surfaces: Surfaces, frames: int
) -> NDArray[np.float64]:
    genders = content["genders"] if "genders" in content else _field(path, content, "gender")
    gender = _GENDERS.get(str(genders[row])) if row < len(genders) else None
    if gender not in surfaces.models:
        raise _refused(path, f"genders[{row}]", f"is {genders}; models given: {', '.join(surfaces.models)}")
    model = surfaces.models[gender]
    betas = np.asarray(_field(path, content, "betas")[row], np.float64).reshape(-1)[:10]
    poses = _array(path, content, "poses", row=row, shape=(frames, SMPL_JOINTS * 3))
    trans = _array(path, content, "trans", row=row, shape=(frames, 3))
    parts = [  # a surface has 7,000 vertices: few frames at a time
        surfaces.regressor @ model.vertices_m(betas, poses[start : start + 64], trans[start : start + 64])
        for start in range(0, frames, 64)
    ]
    return np.concatenate(parts)


def _camera(path: Path, content: dict[str, Any]) -> tuple[Camera, NDArray[np.float64]]:
    K = np.asarray(_field(path, content, "cam_intrinsics"), np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 0] <= 0:
        raise _refused(path, "cam_intrinsics", f"is no 3x3 camera matrix: {K.tolist()}")
    poses = np.asarray(_field(path, content, "cam_poses"), np.float64)
    if poses.ndim != 3 or poses.shape[1:] != (4, 4):
        raise _refused(path, "cam_poses", f"has shape {poses.shape} where (frames, 4, 4) is needed")
    size_wh = (round(2 * K[0, 2]), round(2 * K[1, 2]))  # the principal point is the picture's middle in every file
    camera = Camera((float(K[0, 0]), float(K[1, 1])), (float(K[0, 2]), float(K[1, 2])), size_wh, f"file {path.name}")
    return camera, poses


def _field(path: Path, content: dict[str, Any], name: str) -> Any:
    if name not in content:
        raise _refused(path, name, f"is not among its fields {', '.join(sorted(map(str, content)))}")
    return content[name]


def _array(path: Path, content: dict[str, Any], name: str, *, row: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    people = _field(path, content, name)
    try:
        values = np.asarray(people[row], np.float64)
    except (IndexError, TypeError, ValueError) as error:
        raise _refused(path, f"{name}[{row}]", f"is no array of numbers ({error})") from error
    if values.shape != shape:
        raise _refused(path, f"{name}[{row}]", f"has shape {values.shape} where {shape} is needed")
    return values


def _refused(path: Path, field: str, problem: str) -> DataError:
    return DataError.of(path, field, problem, cure="fetch 3DPW's sequenceFiles again as docs/data.md says")
