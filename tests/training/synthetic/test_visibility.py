"""Visibility read from the drawn depth, against rays cast at every triangle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from raster_scenes import BENT, ball, box, surroundings, viewpoint

pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
from training.avatar import Avatar, Floats
from training.kinematics import Array
from training.render import RenderError
from training.synthetic.raster import Raster
from training.synthetic.scene import THE_PERSON, Look, Placed, Viewpoint
from training.synthetic.visibility import visible_joints

JOINTS_MM = {
    "Hips": 170, "RightUpLeg": 150, "RightLeg": 100, "RightFoot": 80, "LeftUpLeg": 150, "LeftLeg": 100, "LeftFoot": 80,
    "Spine1": 170, "Spine2": 170, "Neck": 120, "Head": 150, "LeftArm": 110, "LeftForeArm": 80, "LeftHand": 60,
    "RightArm": 110, "RightForeArm": 80, "RightHand": 60,
}  # fmt: skip
THICKNESS_MM = np.array(list(JOINTS_MM.values()), np.float64)


@pytest.fixture(scope="module")
def raster() -> Raster:
    try:
        return Raster()
    except RenderError as error:
        pytest.skip(str(error))


def first_hit(eye_mm: Array, target_mm: Array, triangles_mm: Array) -> tuple[float, int]:
    """Distance and row of the first triangle on a ray (Moeller and Trumbore 1997); infinity where there is none."""
    direction = (target_mm - eye_mm) / np.linalg.norm(target_mm - eye_mm)
    corner, edge_1, edge_2 = triangles_mm[:, 0], *(triangles_mm[:, k] - triangles_mm[:, 0] for k in (1, 2))
    across = np.cross(direction, edge_2)
    determinant = np.einsum("tk,tk->t", edge_1, across)
    inverse = 1 / np.where(np.abs(determinant) < 1e-12, np.inf, determinant)
    u = np.einsum("tk,tk->t", eye_mm - corner, across) * inverse
    along = np.cross(eye_mm - corner, edge_1)
    v = along @ direction * inverse
    distance = np.where((u >= 0) & (v >= 0) & (u + v <= 1), np.einsum("tk,tk->t", edge_2, along) * inverse, np.inf)
    distance[distance <= 1e-3] = np.inf
    distance[inverse == 0] = np.inf
    return float(distance.min()), int(distance.argmin())


def cast(seen: Viewpoint, scene: list[Placed], joints_mm: Array) -> np.ndarray:
    triangles = np.concatenate([one.vertices_mm[one.look.faces] for one in scene]).astype(np.float64)
    owners = np.concatenate([np.full(len(one.look.faces), one.owner) for one in scene])
    hits = [first_hit(seen.eye_mm, joint, triangles) for joint in joints_mm]
    own = np.array([np.isfinite(distance) and owners[row] == THE_PERSON for distance, row in hits])
    off_mm = np.linalg.norm(joints_mm - seen.eye_mm, axis=1) - [distance for distance, _ in hits]
    return own & (np.abs(off_mm) <= THICKNESS_MM) & inside(seen, joints_mm)


def inside(seen: Viewpoint, joints_mm: Array) -> np.ndarray:
    frame_px, crop_px = seen.camera.project(seen.camera_mm(joints_mm)), seen.crop_px(joints_mm)
    in_frame = (frame_px >= -0.5) & (frame_px <= np.array(seen.camera.size_wh) - 0.5)
    return (in_frame & (crop_px >= -0.5) & (crop_px <= seen.crop_size_px - 0.5)).all(axis=1)


def posed(avatar: Avatar, rng: np.random.Generator) -> tuple[Floats, Floats, Array]:
    """A body with every joint bent at random: vertices, normals and the joints of `JOINTS_MM`."""
    from training.kinematics import axis_rotation, forward

    bend = np.stack([axis_rotation(axis, rng.normal(0, 0.35, len(avatar.joint_names))) for axis in "XYZ"])
    local = avatar.rest_rotations @ bend[0] @ bend[1] @ bend[2]
    rotations, positions_mm = forward(avatar.joint_parents, local, avatar.rest_translations_mm)
    return *avatar.skinned(rotations, positions_mm), positions_mm[[avatar.row(name) for name in JOINTS_MM]]


def compared(raster: Raster, avatar: Avatar, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(scene, joint) what is drawn and what is cast."""
    skin = np.zeros((4, 4, 4), np.uint8)
    look = Look(avatar.name, avatar.uv, avatar.faces, tuple(replace(p, texture=0) for p in avatar.parts), (skin,))
    drawn, truth = [], []
    for number in range(24):
        vertices, normals, joints_mm = posed(avatar, rng)
        eye = np.array([np.sin(number), 0.0, np.cos(number)]) * 3200 + [0, rng.uniform(300, 2600), 0]
        seen = viewpoint(eye, distortion=BENT, side_px=360.0, angle_rad=rng.uniform(-0.6, 0.6), crop_size_px=256)
        scene = [Placed(look, vertices, normals, THE_PERSON, np.eye(3), np.eye(3))]
        if number % 3:
            at = eye * 0.4 + np.array([0, 600, 0]) + rng.normal(0, 300, 3)
            scene.append(box(at, rng.uniform(80, 300, 3), cells=12))
        asked = {"joints_world_mm": joints_mm, "thickness_mm": THICKNESS_MM, "frame_wh": seen.camera.size_wh}
        drawn.append(visible_joints(raster.draw(seen, scene, surroundings()), seen, **asked))
        truth.append(cast(seen, scene, joints_mm))
    return np.array(drawn), np.array(truth)


def test_drawn_visibility_agrees_with_a_ray_cast(raster: Raster, shared_dir: Path) -> None:
    pytest.importorskip("meshoptimizer", reason="the extra 'data' is not installed")
    from training.avatar import load_avatar

    folder, rng = shared_dir / "data" / "avatars_valid", np.random.default_rng(6)
    names = ("White_M_3_Casual", "Black_F_2_Casual", "X_NHPI_F_1_Casual")
    both = [compared(raster, load_avatar(folder / f"{name}.glb"), rng) for name in names]
    drawn, truth = (np.concatenate(part) for part in zip(*both, strict=True))
    assert drawn.size > 1000
    assert (drawn == truth).mean() >= 0.99
    assert 0.3 < truth.mean() < 0.9


@pytest.mark.parametrize(
    ("case", "expected"),
    [("open", True), ("too deep", False), ("hidden", False), ("outside", False), ("behind", False), ("cut", False)],
)
def test_what_hides_a_joint(raster: Raster, case: str, expected: bool) -> None:
    person = replace(ball((0.0, 1000.0, 0.0), 100.0), owner=THE_PERSON)
    seen = viewpoint(crop_size_px=256, side_px=60.0 if case == "outside" else 400.0)
    if case == "cut":  # the frame ends left of the person
        seen = replace(seen, camera=replace(seen.camera, size_wh=(310, 480)))
    scene = [person, box((250.0, 1200.0, 1600.0), (150.0,) * 3)] if case == "hidden" else [person]
    joint_mm = {"behind": (1000.0, 1800.0, 6400.0), "outside": (0.0, 1300.0, 0.0)}.get(case, (0.0, 1000.0, 0.0))
    drawn = raster.draw(seen, scene, surroundings())
    visible = visible_joints(
        drawn,
        seen,
        joints_world_mm=np.array([joint_mm]),
        thickness_mm=np.array([90.0 if case == "too deep" else 110.0]),
        frame_wh=seen.camera.size_wh,
    )
    assert visible.tolist() == [expected]
