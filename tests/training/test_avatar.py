import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from training.avatar import Avatar, load_avatar
from training.gltf import AvatarError, read_glb
from training.kinematics import forward


@pytest.fixture(scope="module")
def file(shared_dir: Path) -> Path:
    pytest.importorskip("meshoptimizer", reason="the extra 'data' is not installed")
    return shared_dir / "data" / "avatars_valid" / "AIAN_M_1_Casual.glb"


@pytest.fixture(scope="module")
def avatar(file: Path) -> Avatar:
    return load_avatar(file)


def rewritten(file: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same GLB with another document."""
    glb = read_glb(file)
    change(glb.document)
    text = json.dumps(glb.document).encode()
    text += b" " * (-len(text) % 4)
    chunks = (
        struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(glb.binary), 0x004E4942) + glb.binary
    )
    target.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return target


def test_rest_pose_equals_the_files_own_positions(file: Path, avatar: Avatar) -> None:
    """The body mesh, skinned as glTF prescribes with the file's own matrices, in plain loops over its joints."""
    glb = read_glb(file)
    nodes = glb.document["nodes"]
    parent = {child: index for index, node in enumerate(nodes) for child in node.get("children", ())}

    def world(index: int) -> np.ndarray:
        node, matrix = nodes[index], np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix() * node.get(
            "scale", [1, 1, 1]
        )
        matrix[:3, 3] = node.get("translation", [0, 0, 0])
        return world(parent[index]) @ matrix if index in parent else matrix

    primitive = glb.document["meshes"][0]["primitives"][0]["attributes"]
    positions = glb.accessor(primitive["POSITION"])
    joints, weights = glb.accessor(primitive["JOINTS_0"]), glb.accessor(primitive["WEIGHTS_0"])
    skin = glb.document["skins"][0]
    binds = glb.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = [world(joint) @ bind for joint, bind in zip(skin["joints"], binds, strict=True)]
    for vertex in range(0, len(positions), 173):
        point = np.append(positions[vertex], 1.0)
        expected = sum(w * (matrices[j] @ point) for j, w in zip(joints[vertex], weights[vertex], strict=True))
        np.testing.assert_allclose(avatar.vertices_mm[vertex], expected[:3] / weights[vertex].sum() * 1000, atol=0.05)


def test_skinning_the_rest_pose_changes_nothing(avatar: Avatar) -> None:
    vertices_mm, normals = avatar.skinned(*avatar.rest_world())
    np.testing.assert_allclose(vertices_mm, avatar.vertices_mm, atol=0.01)
    assert np.median(np.sum(normals * avatar.normals, axis=1)) > 0.999


def test_a_turned_body_turns_every_vertex_and_normal(avatar: Avatar) -> None:
    turn = Rotation.from_rotvec([0.3, 1.0, -0.4]).as_matrix()
    rotations, positions_mm = avatar.rest_world()
    vertices_mm, normals = avatar.skinned(turn @ rotations, positions_mm @ turn.T + [100, 200, 300])
    np.testing.assert_allclose(vertices_mm, avatar.vertices_mm @ turn.T + [100, 200, 300], atol=0.02)
    unit = avatar.normals / np.linalg.norm(avatar.normals, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, unit @ turn.T, atol=1e-3)


def test_bones_keep_their_lengths_and_fingers_stay_attached(avatar: Avatar) -> None:
    local = Rotation.from_rotvec(np.random.default_rng(3).normal(0, 0.3, (len(avatar.joint_names), 3))).as_matrix()
    rotations, positions_mm = forward(avatar.joint_parents, avatar.rest_rotations @ local, avatar.rest_translations_mm)
    _, rest_mm = avatar.rest_world()
    bones = [(row, parent) for row, parent in enumerate(avatar.joint_parents) if parent >= 0]
    for row, parent in bones:
        length = np.linalg.norm(positions_mm[row] - positions_mm[parent])
        assert length == pytest.approx(np.linalg.norm(rest_mm[row] - rest_mm[parent]), abs=1e-6)
    vertices_mm, _ = avatar.skinned(rotations, positions_mm)
    strongest = avatar.joint_indices[np.arange(len(vertices_mm)), avatar.joint_weights.argmax(axis=1)]
    assert np.linalg.norm(vertices_mm - positions_mm[strongest], axis=1).max() < 600


def test_an_avatar_is_a_person_in_millimetres(avatar: Avatar) -> None:
    low, high = avatar.vertices_mm.min(axis=0), avatar.vertices_mm.max(axis=0)
    assert abs(low[1]) < 5
    assert 1500 < high[1] < 2050
    _, rest_mm = avatar.rest_world()
    assert rest_mm[avatar.row("LeftHand")][0] > 500 > -500 > rest_mm[avatar.row("RightHand")][0]
    assert rest_mm[avatar.row("LeftToeBase")][2] > rest_mm[avatar.row("LeftFoot")][2]
    assert all(parent < row for row, parent in enumerate(avatar.joint_parents))
    np.testing.assert_allclose(avatar.joint_weights.sum(axis=1), 1.0, atol=1e-5)


def test_faces_look_outward_and_parts_cover_them(avatar: Avatar) -> None:
    assert avatar.faces.dtype == np.int32
    corners = avatar.vertices_mm[avatar.faces]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.mean(np.sum(outward * avatar.normals[avatar.faces[:, 0]], axis=1) >= 0) > 0.99
    assert sum(part.face_count for part in avatar.parts) == len(avatar.faces)
    assert {part.texture for part in avatar.parts} == set(range(len(avatar.textures_rgb)))
    assert all(texture.ndim == 3 and texture.std() > 5 for texture in avatar.textures_rgb)


def test_broken_files_name_cause_and_cure(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for length in (0, 11, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.glb").write_bytes(whole[:length])
        with pytest.raises(AvatarError, match=r"cut\.glb"):
            load_avatar(tmp_path / "cut.glb")
    with pytest.raises(AvatarError, match=r"docs/data\.md"):
        load_avatar(tmp_path / "absent.glb")


def test_damaged_mesh_data_is_an_error(file: Path, tmp_path: Path) -> None:
    whole = bytearray(file.read_bytes())
    view = next(v for v in read_glb(file).document["bufferViews"] if "extensions" in v)
    start = whole.index(b"BIN\0") + 4 + view["extensions"]["EXT_meshopt_compression"]["byteOffset"]
    whole[start : start + 64] = bytes(64)
    (tmp_path / "damaged.glb").write_bytes(whole)
    with pytest.raises(AvatarError, match="decoded"):
        load_avatar(tmp_path / "damaged.glb")


def rename_shin(document: dict[str, Any]) -> None:
    next(node for node in document["nodes"] if node["name"] == "LeftLeg")["name"] = "Shin"


def drop_texture(document: dict[str, Any]) -> None:
    del document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]


def drop_skins(document: dict[str, Any]) -> None:
    del document["skins"]


def need_draco(document: dict[str, Any]) -> None:
    document["extensionsRequired"].append("KHR_draco_mesh_compression")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (rename_shin, "no joint LeftLeg"),
        (drop_texture, "no colour texture"),
        (drop_skins, "'skins'"),
        (need_draco, "needs KHR_draco_mesh_compression"),
    ],
)
def test_unusable_avatars_say_why(file: Path, tmp_path: Path, change: Callable[..., None], expected: str) -> None:
    with pytest.raises(AvatarError, match=expected):
        load_avatar(rewritten(file, tmp_path / "other.glb", change))
