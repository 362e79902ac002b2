"""Human3.6M's 3D positions: the npz that VideoPose3D's preparation writes, and the original annotation files.

The npz holds one member `positions_3d`, a dictionary {subject: {action: (frame, 32, 3) float32}} in metres and world
axes. The originals are SUBJECT/MyPoseFeatures/D3_Positions/ACTION.cdf (member Pose, (1, frame, 96) millimetres, world
axes), or the same exported to ACTION.cdf.mat (member data). The data set has 50 frames per second. Registration:
docs/data.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training.data_error import DataError
from training.human36m_cameras import StudioCamera, studio_camera
from training.unpickling import load_npz

F32 = NDArray[np.float32]

TRAIN_SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
TEST_SUBJECTS = ("S9", "S11")
CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
RATE_HZ = 50.0
ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting",
    "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether",
)  # fmt: skip
"""In the order of the paper's table."""
_OTHER_NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog", "WalkingTogether": "WalkTogether"}
_CORRUPT = frozenset({("S11", "Directions")})
"""Everybody leaves it out; the subject's second recording of the action is 'Directions 1'."""

ROWS32: dict[str, int] = {
    "pelvis": 0, "right_hip": 1, "right_knee": 2, "right_ankle": 3, "left_hip": 6, "left_knee": 7, "left_ankle": 8,
    "spine": 12, "thorax": 13, "neck_nose": 14, "head_top": 15, "left_shoulder": 17, "left_elbow": 18,
    "left_wrist": 19, "right_shoulder": 25, "right_elbow": 26, "right_wrist": 27,
}  # fmt: skip
"""Joint -> its row among the recorded 32; the others are duplicates, feet and hands."""
_SUBSET = np.array([ROWS32[name] for name in H36M17.names])
_LONGEST_BODY_MM = 3500.0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One action of one subject."""

    subject: str
    action: str
    """One of `ACTIONS`."""
    source_name: str
    """As the files call it: there are two recordings of each action, such as 'Directions' and 'Directions 1'."""
    world_mm: F32
    """(frame, 17, 3) world axes."""

    def __len__(self) -> int:
        return len(self.world_mm)

    def seen_by(self, camera_id: str) -> tuple[F32, F32, StudioCamera]:
        """(frame, 17, 3) joints relative to the pelvis, (frame, 3) the pelvis, both in camera axes, and the camera."""
        camera = studio_camera(self.subject, camera_id)
        seen = camera.seen(self.world_mm.astype(np.float64))
        root = seen[:, 0]
        return (seen - root[:, None]).astype(np.float32), root.astype(np.float32), camera


def read_npz(path: Path) -> list[Recording]:
    """All recordings of `data_3d_h36m.npz`; DataError names what is wrong."""
    members = load_npz(path)
    if "positions_3d" not in members:
        raise _refused(path, "positions_3d", f"is not among its members {sorted(members)}")
    table = members["positions_3d"]
    subjects = table.item() if isinstance(table, np.ndarray) and table.shape == () else table
    if not isinstance(subjects, dict) or not all(isinstance(actions, dict) for actions in subjects.values()):
        raise _refused(path, "positions_3d", "is no dictionary of subjects and actions")
    return [
        _recording(path, str(subject), str(name), positions_mm=_millimetres(positions))
        for subject, actions in subjects.items()
        for name, positions in actions.items()
        if (str(subject), str(name)) not in _CORRUPT
    ]


def read_originals(directory: Path) -> list[Recording]:
    """All SUBJECT/MyPoseFeatures/D3_Positions/*.cdf or *.cdf.mat below `directory`; DataError names what is wrong."""
    found = []
    for subject in (*TRAIN_SUBJECTS, *TEST_SUBJECTS):
        folder = directory / subject / "MyPoseFeatures" / "D3_Positions"
        for path in sorted([*folder.glob("*.cdf"), *folder.glob("*.cdf.mat")]):
            name = path.name.removesuffix(".mat").removesuffix(".cdf")
            if name.startswith("_ALL") or (subject, name) in _CORRUPT:
                continue
            found.append(_recording(path, subject, name, positions_mm=_original(path)))
    if not found:
        raise _refused(directory, "S*/MyPoseFeatures/D3_Positions", "there is no .cdf or .cdf.mat file")
    return found


def _original(path: Path) -> Any:
    if path.suffix == ".mat":
        from scipy.io import loadmat

        try:
            return np.asarray(loadmat(path)["data"][0, 0]).reshape(-1, 32, 3)
        except (ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
            raise _refused(path, "data", f"cannot be read ({error})") from error
    try:
        import cdflib
    except ModuleNotFoundError as error:
        raise DataError.of(path, "format", "CDF needs a reader", cure="pip install cdflib") from error
    try:
        return np.asarray(cdflib.CDF(path).varget("Pose")).reshape(-1, 32, 3)
    except (ValueError, OSError, KeyError, IndexError, TypeError) as error:
        raise _refused(path, "Pose", f"cannot be read ({error})") from error


def _recording(path: Path, subject: str, name: str, *, positions_mm: Any) -> Recording:
    action = _action(path, name)
    positions = np.asarray(positions_mm)
    field = f"{subject}/{name}"
    if positions.ndim != 3 or positions.shape[2] != 3 or positions.shape[1] not in (32, len(H36M17.names)):
        raise _refused(path, field, f"has shape {positions.shape} where (frames, 32, 3) is needed")
    if positions.dtype.kind != "f" or not np.isfinite(positions).all():
        raise _refused(path, field, "holds values that are not finite numbers")
    joints = positions if positions.shape[1] == len(H36M17.names) else positions[:, _SUBSET]
    spread_mm = float(np.ptp(joints, axis=1).max()) if len(joints) else 0.0
    if not 300.0 < spread_mm < _LONGEST_BODY_MM:
        raise _refused(path, field, f"its bodies are {spread_mm:.0f} mm large: the unit is not the format's")
    return Recording(subject, action, name, joints.astype(np.float32))


def _millimetres(positions: Any) -> Any:
    """The npz is in metres."""
    return (
        positions * np.float32(1000) if isinstance(positions, np.ndarray) and positions.dtype.kind == "f" else positions
    )


def _action(path: Path, name: str) -> str:
    """One of `ACTIONS`, whatever the release calls it and the recording's number."""
    match = re.fullmatch(r"([A-Za-z]+)(?: \d)?", name)
    action = _OTHER_NAMES.get(match[1], match[1]) if match else ""
    if action not in ACTIONS:
        raise _refused(path, name, f"is none of the actions {', '.join(ACTIONS)}")
    return action


def _refused(path: Path, field: str, problem: str) -> DataError:
    return DataError.of(path, field, problem, cure="docs/data.md says how to prepare Human3.6M")
