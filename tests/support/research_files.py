"""Tiny files in the formats of Human3.6M, 3DPW and SMPL, made of a person who stands in a T-pose."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from bone_motion import random_turns

from engine.body.skeleton import H36M17
from training.bodies import mean_offsets_mm, posed_mm
from training.human36m import ROWS32
from training.smpl import SMPL_JOINTS

FRAMES = 6
SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


def people_mm(frames: int = FRAMES) -> np.ndarray:
    """(frame, 17, 3) H36M-17, person axes (y up)."""
    return posed_mm(random_turns(frames, spread_rad=0.05), mean_offsets_mm(frames))


def human36m_world_m(frames: int = FRAMES) -> np.ndarray:
    """(frame, 32, 3) Human3.6M's recorded joints, world axes (z up), standing in the studio's middle."""
    people = people_mm(frames)[..., [0, 2, 1]] * np.array([1, -1, 1]) / 1000 + np.array([0.1, 0.4, 0.95])
    recorded = np.repeat(people[:, :1], 32, axis=1)
    for name, row in ROWS32.items():
        recorded[:, row] = people[:, H36M17.row(name)]
    return recorded.astype(np.float32)


def human36m_npz(path: Path, frames: int = FRAMES) -> Path:
    """`data_3d_h36m.npz` with two subjects and the corrupt recording that everybody leaves out."""
    actions = {"Walking": human36m_world_m(frames), "Photo 1": human36m_world_m(frames)}
    table = {"S1": actions, "S11": {"Directions": human36m_world_m(frames), "Directions 1": human36m_world_m(frames)}}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, positions_3d=table)
    return path


def threedpw_content(people: int = 2) -> dict[str, Any]:
    """The fields of a sequence file; SMPL's joints stand 4 m before the camera."""
    joints_m = smpl_joints_m() + np.array([0.0, 0.0, 4.0])
    turned = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0.3], [0, 0, -1, 8.0], [0, 0, 0, 1]])
    return {
        "sequence": "courtyard_golf_00",
        "genders": ["m", "f"][:people],
        "betas": [np.zeros(10)] * people,
        "poses": [np.zeros((FRAMES, 72))] * people,
        "trans": [np.tile([0.0, 0.0, 4.0], (FRAMES, 1))] * people,
        "jointPositions": [np.tile(joints_m.reshape(-1), (FRAMES, 1))] * people,
        "poses2d": [np.ones((FRAMES, 3, 18))] * people,
        "cam_intrinsics": np.array([[1960.0, 0, 540], [0, 1960, 960], [0, 0, 1]]),
        "cam_poses": np.tile(turned, (FRAMES, 1, 1)),
        "campose_valid": [np.array([1, 1, 1, 1, 1, 0])] * people,
        "img_frame_ids": np.arange(FRAMES) * 2,
    }


def threedpw_file(folder: Path, content: dict[str, Any], *, split: str = "test") -> Path:
    """sequenceFiles/SPLIT/NAME.pkl as Python 2 wrote it."""
    path = folder / "sequenceFiles" / split / f"{content['sequence']}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def smpl_joints_m() -> np.ndarray:
    """(24, 3) roughly where SMPL's joints are in T-pose: x to the person's left, y up, z to the front."""
    one_side = {1: (0.06, -0.09), 4: (0.1, -0.5), 7: (0.09, -0.9), 10: (0.1, -0.95), 13: (0.08, 0.35)}
    one_side |= {16: (0.18, 0.37), 18: (0.45, 0.37), 20: (0.7, 0.37), 22: (0.8, 0.37)}
    joints = np.zeros((SMPL_JOINTS, 3))
    for row, (x, y) in one_side.items():
        joints[row, :2], joints[row + 1, :2] = (x, y), (-x, y)
    for row, y in {3: 0.1, 6: 0.2, 9: 0.27, 12: 0.45, 15: 0.55}.items():
        joints[row, 1] = y
    return joints


def smpl_npz(path: Path) -> Path:
    """A model with one vertex per joint, each moved by its own joint alone."""
    joints = smpl_joints_m()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        v_template=joints,
        shapedirs=np.zeros((SMPL_JOINTS, 3, 10)),
        posedirs=np.zeros((SMPL_JOINTS, 3, 207)),
        J_regressor=np.eye(SMPL_JOINTS),
        weights=np.eye(SMPL_JOINTS),
        kintree_table=np.array([[2**32 - 1, *SMPL_PARENTS[1:]], range(SMPL_JOINTS)], np.uint32),
    )
    return path


def regressor_npy(path: Path) -> Path:
    """`J_regressor_h36m.npy` for that model, with its left leg first as published."""
    smpl_rows = (0, 1, 4, 7, 2, 5, 8, 6, 12, 15, 15, 16, 18, 20, 17, 19, 21)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.eye(SMPL_JOINTS)[list(smpl_rows)])
    return path
