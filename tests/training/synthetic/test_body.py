"""Skinning, shapes and Human3.6M's joints: what holds for every body in every pose."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import random_turns, standing
from scipy.spatial.transform import Rotation

from engine.body.skeleton import H36M17
from training.augment import mirrored
from training.bodies import bone_lengths_mm
from training.synthetic.h36m_joints import THICKNESS_MM
from training.synthetic.pack import Pack
from training.synthetic.posing import rig_turns
from training.synthetic.rig import MIRROR_ROWS, RIG_JOINTS, RIG_PARENTS, ROW
from training.synthetic.shape import HEIGHTS_MM, Shape, draw_shape
from training.synthetic.skinning import Body

FLIP = np.array([-1.0, 1.0, 1.0])
T_POSE = np.tile(np.eye(3), (len(RIG_JOINTS), 1, 1))


def turned_at_random(seed: int, spread_rad: float = 0.5) -> np.ndarray:
    return Rotation.from_rotvec(np.random.default_rng(seed).normal(0, spread_rad, (len(RIG_JOINTS), 3))).as_matrix()


@pytest.fixture(scope="module")
def body(pack: Pack) -> Body:
    return Body(pack.actor("White_M_3_Casual"), Shape.own())


def test_the_rest_pose_is_the_files_own(pack: Pack) -> None:
    for name in pack.actor_names:
        actor = pack.actor(name)
        body = Body(actor, Shape.own())
        back = np.swapaxes(actor.straight, 1, 2)
        vertices_mm, normals = body.skinned(back, body.placed_mm(back) + actor.rest_mm[0])
        np.testing.assert_allclose(vertices_mm, actor.vertices_mm, atol=0.01)
        assert np.sum(normals * actor.normals, axis=1).min() > 0.999


def test_zero_turns_are_a_straight_t_pose(body: Body) -> None:
    turns = rig_turns(standing(1), np.random.default_rng(0))[0]
    joints_mm = body.joints_mm(turns, body.placed_mm(turns))
    at = dict(zip(H36M17.names, joints_mm, strict=True))
    for side, sign in (("left", 1), ("right", -1)):
        arm = at[f"{side}_wrist"] - at[f"{side}_shoulder"]
        assert arm[0] * sign > 0.999 * np.linalg.norm(arm)
        shin = at[f"{side}_ankle"] - at[f"{side}_knee"]
        assert -shin[1] > 0.999 * np.linalg.norm(shin)
    assert at["head_top"][1] - at["pelvis"][1] > 0.4 * body.actor.height_mm
    assert at["neck_nose"][2] > at["thorax"][2]


def test_bones_keep_their_lengths_under_any_motion(pack: Pack) -> None:
    rng = np.random.default_rng(5)
    for name in pack.actor_names:
        body = Body(pack.actor(name), draw_shape(rng, pack.actor(name)))
        rest = body.placed_mm(T_POSE)
        rows, parents = np.arange(1, len(RIG_PARENTS)), np.array(RIG_PARENTS[1:])
        for seed in range(5):
            placed = body.placed_mm(turned_at_random(seed, 1.5))
            own, at_rest = (np.linalg.norm(where[rows] - where[parents], axis=1) for where in (placed, rest))
            np.testing.assert_allclose(own, at_rest, atol=1e-6)


def test_limbs_of_human36m_keep_theirs_and_thighs_nearly(body: Body) -> None:
    rest = bone_lengths_mm(body.joints_mm(T_POSE, body.placed_mm(T_POSE)))
    names = H36M17.names[1:]
    for turns in rig_turns(random_turns(40), np.random.default_rng(0)):
        lengths = bone_lengths_mm(body.joints_mm(turns, body.placed_mm(turns)))
        for name, length, own in zip(names, lengths, rest, strict=True):
            rigid = name.endswith(("hip", "ankle", "elbow", "wrist", "head_top"))
            assert length == pytest.approx(own, rel=1e-6 if rigid else 0.15)


def test_bones_lie_where_human36m_has_them(pack: Pack) -> None:
    """Shares of body height, within what training.bodies calls human."""
    for name in pack.actor_names:
        body = Body(pack.actor(name), Shape.own())
        joints_mm = body.joints_mm(T_POSE, body.placed_mm(T_POSE))
        share = dict(zip(H36M17.names[1:], bone_lengths_mm(joints_mm) / body.actor.height_mm, strict=True))
        assert share["left_hip"] + share["right_hip"] == pytest.approx(2 * 0.0766, abs=0.003)
        assert share["left_knee"] == pytest.approx(0.25, abs=0.01)
        assert share["left_ankle"] == pytest.approx(0.25, abs=0.015)
        assert share["spine"] + share["thorax"] == pytest.approx(0.281, abs=0.02)


def test_mirrored_turns_give_mirrored_joints(body: Body) -> None:
    bones = random_turns(12)
    one = rig_turns(bones, np.random.default_rng(0))
    other = rig_turns(mirrored(bones), np.random.default_rng(0))
    for ours, theirs in zip(one, other, strict=True):
        joints, reflected = (body.joints_mm(turns, body.placed_mm(turns)) for turns in (ours, theirs))
        np.testing.assert_allclose(reflected, joints[H36M17.mirror_rows] * FLIP, atol=1e-3)


def test_mirrored_rigs_give_mirrored_rigs(body: Body) -> None:
    turns = turned_at_random(3)
    reflected = body.placed_mm(turns[MIRROR_ROWS] * FLIP[:, None] * FLIP)
    np.testing.assert_allclose(reflected, body.placed_mm(turns)[MIRROR_ROWS] * FLIP, atol=1e-6)


def test_joints_lie_inside_the_body(pack: Pack) -> None:
    """A ray from an inner point leaves a closed surface an odd number of times. The face is open at the mouth."""
    for name in ("White_M_3_Casual", "AIAN_F_1_Busi"):
        body = Body(pack.actor(name), Shape.own())
        placed = body.placed_mm(T_POSE)
        vertices_mm, _ = body.skinned(T_POSE, placed)
        skin = body.actor.look.faces[: body.actor.look.parts[0].face_count]
        for row, joint_mm in enumerate(body.joints_mm(T_POSE, placed)):
            if H36M17.names[row] == "neck_nose":
                continue
            votes = [crossings(vertices_mm[skin], joint_mm, seed) % 2 for seed in range(5)]
            assert sum(votes) >= 4, H36M17.names[row]


def crossings(corners_mm: np.ndarray, start_mm: np.ndarray, seed: int) -> int:
    """How often a ray in a random direction goes through triangles (T. Moeller, B. Trumbore 1997)."""
    way = np.random.default_rng(seed).standard_normal(3)
    a, b, c = np.moveaxis(corners_mm.astype(np.float64), 1, 0)
    normal = np.cross(b - a, c - a)
    with np.errstate(all="ignore"):
        depth = np.sum((a - start_mm) * normal, axis=1) / (normal @ way)
        at = start_mm + depth[:, None] * way
        sides = [np.sum(np.cross(q - p, at - p) * normal, axis=1) >= 0 for p, q in ((a, b), (b, c), (c, a))]
    return int(np.sum((depth > 0) & np.all(sides, axis=0)))


def test_shapes_are_symmetric_and_human(pack: Pack) -> None:
    rng = np.random.default_rng(1)
    heights_mm = []
    for draw in range(150):
        actor = pack.actor(pack.actor_names[draw % len(pack.actor_names)])
        shape = draw_shape(rng, actor)
        np.testing.assert_array_equal(shape.scales, shape.scales[MIRROR_ROWS])
        assert shape.scales.min() > 0.7
        assert shape.scales.max() < 1.6
        body = Body(actor, shape)
        vertices_mm, _ = body.skinned(T_POSE, body.placed_mm(T_POSE))
        heights_mm.append(np.ptp(vertices_mm[: actor.body_vertices, 1]))
    assert HEIGHTS_MM[0] - 40 < min(heights_mm) < 1550
    assert 1850 < max(heights_mm) < HEIGHTS_MM[1] + 40


def test_a_scaled_limb_grows_along_its_own_bone_however_it_is_turned(pack: Pack) -> None:
    actor = pack.actor("White_M_3_Casual")
    scales = np.ones((len(RIG_JOINTS), 3))
    scales[ROW["LeftLeg"], 1] = 1.2
    own, longer = Body(actor, Shape.own()), Body(actor, Shape(scales))
    turns = turned_at_random(9)
    for name, factor in (("LeftFoot", 1.2), ("RightFoot", 1.0), ("LeftForeArm", 1.0)):
        row, parent = ROW[name], RIG_PARENTS[ROW[name]]
        before, after = (body.placed_mm(turns) for body in (own, longer))
        np.testing.assert_allclose(after[row] - after[parent], factor * (before[row] - before[parent]), atol=1e-9)


def test_every_joint_has_a_thickness() -> None:
    assert len(THICKNESS_MM) == len(H36M17.names)
    assert all(THICKNESS_MM[one] == THICKNESS_MM[other] for one, other in H36M17.mirror_pairs)
