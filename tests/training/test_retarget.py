from pathlib import Path

import numpy as np
import pytest

from training.avatar import Avatar, load_avatar
from training.bvh import Motion, read_bvh
from training.ground import lowest_sole_mm, on_ground
from training.retarget import CMU_JOINTS, AvatarMotion, leg_ratio, retarget

LIMBS = {  # avatar bone -> the two joints of the recording between which the same bone lies
    ("LeftArm", "LeftForeArm"): ("lShldr", "lForeArm"),
    ("RightForeArm", "RightHand"): ("rForeArm", "rHand"),
    ("LeftUpLeg", "LeftLeg"): ("lThigh", "lShin"),
    ("RightLeg", "RightFoot"): ("rShin", "rFoot"),
}


@pytest.fixture(scope="module")
def avatar(shared_dir: Path) -> Avatar:
    pytest.importorskip("meshoptimizer", reason="the extra 'data' is not installed")
    return load_avatar(shared_dir / "data" / "avatars_valid" / "White_M_3_Casual.glb")


@pytest.fixture(scope="module")
def motion(shared_dir: Path) -> Motion:
    return read_bvh(shared_dir / "data" / "mocap_cmu" / "13_31.bvh", needs=CMU_JOINTS)


@pytest.fixture(scope="module")
def moved(avatar: Avatar, motion: Motion) -> AvatarMotion:
    return retarget(motion, avatar)


def directions(positions_mm: np.ndarray, start: int, end: int) -> np.ndarray:
    bones = positions_mm[:, end] - positions_mm[:, start]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def test_every_bone_keeps_the_avatars_length(avatar: Avatar, moved: AvatarMotion) -> None:
    _, rest_mm = avatar.rest_world()
    for row, parent in enumerate(avatar.joint_parents):
        if parent >= 0:
            lengths = np.linalg.norm(moved.positions_mm[:, row] - moved.positions_mm[:, parent], axis=-1)
            np.testing.assert_allclose(lengths, np.linalg.norm(rest_mm[row] - rest_mm[parent]), atol=1e-6)


@pytest.mark.parametrize("bone", LIMBS)
def test_limbs_point_where_the_recorded_limbs_point(
    avatar: Avatar, motion: Motion, moved: AvatarMotion, bone: tuple[str, str]
) -> None:
    """Up to the bend of the rest pose that the file draws: 17 degrees at the elbows, 8 at the knees."""
    _, recorded_mm = motion.world()
    own = directions(moved.positions_mm, avatar.row(bone[0]), avatar.row(bone[1]))
    recorded = directions(recorded_mm, *motion.rows(LIMBS[bone]))
    angles_deg = np.degrees(np.arccos(np.clip(np.sum(own * recorded, axis=-1), -1, 1)))
    assert angles_deg.max() < 20
    assert angles_deg.std() < 1e-3


def test_the_first_frame_is_a_straight_t_pose(avatar: Avatar, moved: AvatarMotion) -> None:
    first = moved.positions_mm[:1]
    for start, end, expected in (
        ("LeftArm", "LeftHand", (1, 0, 0)),
        ("RightArm", "RightHand", (-1, 0, 0)),
        ("LeftUpLeg", "LeftFoot", (0, -1, 0)),
        ("Hips", "Neck", (0, 1, 0)),
    ):
        assert (directions(first, avatar.row(start), avatar.row(end))[0] @ expected) > np.cos(np.radians(8))


def test_the_way_scales_with_the_legs(avatar: Avatar, motion: Motion, moved: AvatarMotion) -> None:
    hips = moved.positions_mm[:, avatar.row("Hips")]
    np.testing.assert_allclose(hips[-1] - hips[0], (motion.root_mm[-1] - motion.root_mm[0]) * leg_ratio(motion, avatar))


def test_soles_neither_sink_nor_float(avatar: Avatar, motion: Motion, moved: AvatarMotion) -> None:
    standing = on_ground(moved, avatar, motion)
    lowest_mm = lowest_sole_mm(standing, avatar)[3:]
    assert lowest_mm.min() > -25
    assert abs(np.median(lowest_mm)) < 5
    np.testing.assert_array_equal(standing.positions_mm[..., [0, 2]], moved.positions_mm[..., [0, 2]])


def test_lowest_sole_is_a_vertex_of_the_skinned_body(avatar: Avatar, moved: AvatarMotion) -> None:
    lowest_mm = lowest_sole_mm(moved, avatar)
    for frame in (0, 230, 300):
        vertices_mm, _ = avatar.skinned(moved.rotations[frame], moved.positions_mm[frame])
        assert lowest_mm[frame] == pytest.approx(vertices_mm[:, 1].min(), abs=15)
