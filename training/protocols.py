"""Test sets by name: whose poses, which joints count, and the paper's numbers where it tested on the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.body.skeleton import H36M17
from training import human36m, threedpw
from training.cmu import F32, TEST_SUBJECTS, load_motion
from training.data_directory import DataDirectory
from training.data_error import DataError
from training.lsp14 import LSP14_FROM_H36M17, LSP14_ROWS
from training.pose_stream import held_out_poses
from training.smpl import Smpl, load_regressor

H36M_STRIDE = 64
"""Every so many frames of Human3.6M, the usual test subset (PoseNet and its successors)."""


class ProtocolError(ValueError):
    """A protocol cannot be run; the text says why and what can."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """What Di2Pose reports on the same data, from images. mm."""

    mpjpe_mm: float
    pa_mpjpe_mm: float
    per_action_mm: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class PoseTest:
    """(frame, 17, 3) poses in mm, camera axes, relative to the pelvis, and what each frame shows."""

    name: str
    joints_mm: F32
    actions: list[str]
    rows: NDArray[np.intp]
    """Joints that are scored."""
    joint_names: tuple[str, ...]
    paper: PaperRow | None = None

    def every(self, count: int) -> PoseTest:
        """One frame of `count`."""
        return replace(self, joints_mm=np.ascontiguousarray(self.joints_mm[::count]), actions=self.actions[::count])


def load_test(name: str, data: DataDirectory) -> PoseTest:
    """One of `PROTOCOLS` by name; ProtocolError for another name, DataError where its data is missing or refused."""
    if name == "3dpw-advocc":
        raise ProtocolError(
            "protocol 3dpw-advocc slides a patch over pictures, and this version reads no pictures; choose one of "
            f"{', '.join(PROTOCOLS)}"
        )
    if name not in PROTOCOLS:
        raise ProtocolError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name](data)


def _cmu(data: DataDirectory) -> PoseTest:
    motion = load_motion(data)
    test = motion.part("test")
    actions = [f"subject {clip.subject}" for clip in test.clips for _ in range(clip.start, clip.stop)]
    name = f"CMU, subjects {', '.join(sorted(TEST_SUBJECTS))}, unseen bodies"
    return PoseTest(name, held_out_poses(motion), actions, *_all_joints())


def _human36m(data: DataDirectory) -> PoseTest:
    folder = data.path / "human36m"
    npz = folder / "data_3d_h36m.npz"
    recordings = human36m.read_npz(npz) if npz.is_file() else human36m.read_originals(folder)
    test = [recording for recording in recordings if recording.subject in human36m.TEST_SUBJECTS]
    if not test:
        raise DataError.of(folder, "subjects", f"has none of {', '.join(human36m.TEST_SUBJECTS)}", cure="add them")
    poses, actions = [], []
    for recording in test:
        for camera_id in human36m.CAMERA_IDS:
            joints_mm = recording.seen_by(camera_id)[0][::H36M_STRIDE]
            poses.append(joints_mm)
            actions += [recording.action] * len(joints_mm)
    paper = PaperRow(49.2, 39.0, dict(zip(human36m.ACTIONS, _PAPER_ACTIONS_MM, strict=True)))
    return PoseTest("Human3.6M, protocol 1", np.concatenate(poses), actions, *_all_joints(), paper)


def _threedpw(data: DataDirectory) -> PoseTest:
    people = threedpw.read_sequences(data.path / "3dpw", "test", surfaces=_surfaces(data))
    return _threedpw_test("3DPW", people, PaperRow(79.3, 50.1))


def _threedpw_occluded(data: DataDirectory) -> PoseTest:
    surfaces = _surfaces(data)
    people = (
        person
        for split in threedpw.SPLITS
        for person in threedpw.read_sequences(data.path / "3dpw", split, surfaces=surfaces)
        if threedpw.is_occluded(person.sequence)
    )
    return _threedpw_test("3DPW-Occ", people, PaperRow(79.6, 50.7))


PROTOCOLS: dict[str, Callable[[DataDirectory], PoseTest]] = {
    "cmu": _cmu,
    "h36m": _human36m,
    "3dpw": _threedpw,
    "3dpw-occ": _threedpw_occluded,
}

_PAPER_ACTIONS_MM = (41.9, 47.8, 45.0, 49.0, 51.5, 62.2, 45.7, 45.6, 57.6, 67.1, 50.1, 45.3, 51.4, 37.3, 40.9)
"""Table 1 of Di2Pose, in the order of human36m.ACTIONS."""


def _threedpw_test(name: str, people: Iterable[threedpw.Person], paper: PaperRow) -> PoseTest:
    poses, actions, regressed = [], [], True
    rows = LSP14_ROWS
    for person in people:
        poses.append(person.joints_mm[person.valid])
        actions += [person.sequence] * int(person.valid.sum())
        regressed = regressed and person.source == "H36M regressor"
        rows = np.array([row for row in rows if person.known[row]])
    if not poses:
        raise DataError.of(name, "sequences", "none is there", cure="see `di2pose data check`")
    label = name if regressed else f"{name}, SMPL joints (comparable with nothing published)"
    names = tuple(lsp for lsp, ours in LSP14_FROM_H36M17.items() if H36M17.row(ours) in rows)
    return PoseTest(label, np.concatenate(poses), actions, rows, names, paper if regressed else None)


def _surfaces(data: DataDirectory) -> threedpw.Surfaces | None:
    folder = data.path / "smpl"
    models = {"male": folder / "SMPL_MALE.npz", "female": folder / "SMPL_FEMALE.npz"}
    regressor = folder / "J_regressor_h36m.npy"
    if not all(path.is_file() for path in (*models.values(), regressor)):
        return None
    loaded = {gender: Smpl.load(path) for gender, path in models.items()}
    return threedpw.Surfaces(loaded, load_regressor(regressor))


def _all_joints() -> tuple[NDArray[np.intp], tuple[str, ...]]:
    return np.arange(len(H36M17.names)), H36M17.names
