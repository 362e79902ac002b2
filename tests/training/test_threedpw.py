"""3DPW's files, the occluded subset, the 14 joints of its protocol, and the AdvOcc grid."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from research_files import (
    FRAMES,
    regressor_npy,
    smpl_joints_m,
    smpl_npz,
    threedpw_content,
    threedpw_file,
)

from engine.body.skeleton import H36M17
from training.data_error import DataError
from training.lsp14 import LSP14_FROM_H36M17, LSP14_ROWS
from training.smpl import Smpl, load_regressor, rotations_of
from training.threedpw import OCCLUDED_PREFIXES, Surfaces, is_occluded, read_sequence, read_sequences


@pytest.fixture
def surfaces(tmp_path: Path) -> Surfaces:
    model = Smpl.load(smpl_npz(tmp_path / "SMPL.npz"))
    return Surfaces({"male": model, "female": model}, load_regressor(regressor_npy(tmp_path / "J.npy")))


def test_people_stand_before_the_camera_with_their_right_ankle_right(tmp_path: Path) -> None:
    people = read_sequence(threedpw_file(tmp_path, threedpw_content()))
    assert len(people) == 2
    person = people[0]
    assert (person.sequence, person.split, person.row) == ("courtyard_golf_00", "test", 0)
    assert person.joints_mm.shape == (FRAMES, 17, 3)
    np.testing.assert_allclose(person.root_mm[0], [0, 300, 4000], atol=1)
    ankle = person.joints_mm[0, H36M17.row("right_ankle")]
    np.testing.assert_allclose(ankle, [-90, 900, 0], atol=1)  # faces the camera: right is at the picture's left
    assert person.valid.tolist() == [True] * 5 + [False]
    assert person.camera.size_wh == (1080, 1920)
    assert person.poses2d_px.shape == (FRAMES, 18, 3)
    assert person.image_name(7) == "courtyard_golf_00/image_00007.jpg"


def test_joints_that_smpl_does_not_have_are_not_known(tmp_path: Path) -> None:
    person = read_sequence(threedpw_file(tmp_path, threedpw_content()))[0]
    unknown = [name for name, known in zip(H36M17.names, person.known, strict=True) if not known]
    assert unknown == ["neck_nose", "head_top"]
    assert person.source == "SMPL joints"
    np.testing.assert_array_equal(person.joints_mm[:, ~person.known], 0)


def test_with_smpl_the_joints_are_regressed_and_the_legs_do_not_swap(tmp_path: Path, surfaces: Surfaces) -> None:
    person = read_sequence(threedpw_file(tmp_path, threedpw_content()), surfaces=surfaces)[0]
    assert person.source == "H36M regressor"
    assert person.known.all()
    np.testing.assert_allclose(person.joints_mm[0, H36M17.row("right_ankle")], [-90, 900, 0], atol=1)
    np.testing.assert_allclose(person.joints_mm[0, H36M17.row("left_wrist")], [700, -370, 0], atol=1)


def test_the_14_joints_are_found_by_name() -> None:
    assert LSP14_ROWS.tolist() == [3, 2, 1, 4, 5, 6, 16, 15, 14, 11, 12, 13, 8, 10]
    for lsp, ours in LSP14_FROM_H36M17.items():
        assert lsp.split("_")[0] == ours.split("_")[0] or lsp in ("neck", "head_top")
    joints = np.arange(17 * 3).reshape(17, 3)
    np.testing.assert_array_equal(joints[LSP14_ROWS][0], joints[H36M17.row("right_ankle")])


def test_the_17_occluded_sequences_are_known_by_prefix() -> None:
    assert len(OCCLUDED_PREFIXES) == len(set(OCCLUDED_PREFIXES)) == 17
    assert is_occluded("courtyard_golf_00")
    assert is_occluded("outdoors_freestyle_01")
    assert not is_occluded("downtown_walking_00")


def test_a_split_is_read_in_order_and_an_empty_one_refused(tmp_path: Path) -> None:
    for name in ("b_00", "a_00"):
        threedpw_file(tmp_path, threedpw_content(1) | {"sequence": name}, split="validation")
    assert [person.sequence for person in read_sequences(tmp_path, "validation")] == ["a_00", "b_00"]
    with pytest.raises(DataError, match=r"sequenceFiles/test: \*\.pkl: there is no sequence"):
        list(read_sequences(tmp_path, "test"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cam_intrinsics": None}, "cam_intrinsics: is no 3x3 camera matrix"),
        ({"cam_intrinsics": "DELETE"}, "cam_intrinsics: is not among its fields"),
        ({"cam_poses": np.ones((FRAMES, 3, 4))}, r"cam_poses: has shape \(6, 3, 4\)"),
        ({"jointPositions": [np.ones((FRAMES, 60))] * 2}, r"jointPositions\[0\]: has shape \(6, 60\).*\(6, 72\)"),
        ({"jointPositions": []}, "jointPositions: is no list of people"),
        ({"campose_valid": []}, r"campose_valid\[0\]: is no array"),
        ({"poses2d": [np.ones((FRAMES, 3, 17))] * 2}, r"poses2d\[0\]: has shape"),
    ],
)
def test_content_of_another_shape_names_file_and_field(tmp_path: Path, change: dict[str, object], words: str) -> None:
    content = threedpw_content() | change
    content = {name: value for name, value in content.items() if not (isinstance(value, str) and value == "DELETE")}
    with pytest.raises(DataError, match=rf"courtyard_golf_00\.pkl: {words}.*docs/data\.md"):
        read_sequence(threedpw_file(tmp_path, content))


def test_frames_that_are_not_finite_are_not_scored(tmp_path: Path) -> None:
    content = threedpw_content(1)
    content["jointPositions"][0][2, 5] = np.nan
    person = read_sequence(threedpw_file(tmp_path, content))[0]
    assert person.valid.tolist() == [True, True, False, True, True, False]
    assert np.isfinite(person.joints_mm).all()


def test_a_hostile_sequence_is_refused(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = threedpw_file(tmp_path, threedpw_content())
    path.write_bytes(pickle.dumps(threedpw_content() | {"betas": Hostile()}, protocol=2))
    with pytest.raises(DataError, match=r"asks for (posix|nt)\.system"):
        read_sequence(path)
    assert not (tmp_path / "ran").exists()


def test_an_unknown_gender_is_refused_where_the_model_is_needed(tmp_path: Path, surfaces: Surfaces) -> None:
    path = threedpw_file(tmp_path, threedpw_content() | {"genders": ["x", "f"]})
    assert len(read_sequence(path)) == 2
    with pytest.raises(DataError, match=r"genders\[0\]"):
        read_sequence(path, surfaces=surfaces)


def test_smpl_at_rest_is_its_template_and_turns_with_its_root(surfaces: Surfaces) -> None:
    model = surfaces.models["male"]
    poses = np.zeros((2, 72))
    poses[1, 1] = np.pi / 2  # the root, around the vertical
    vertices = model.vertices_m(np.zeros(10), poses, np.zeros((2, 3)))
    np.testing.assert_allclose(vertices[0], smpl_joints_m(), atol=1e-12)
    turned = smpl_joints_m()[:, [2, 1, 0]] * [1, 1, -1]
    np.testing.assert_allclose(vertices[1], turned, atol=1e-9)


def test_smpl_bends_below_the_joint_only(surfaces: Surfaces) -> None:
    poses = np.zeros((1, 24, 3))
    poses[0, 18] = [0, -np.pi / 2, 0]  # the left elbow to the front
    (vertices,) = surfaces.models["male"].vertices_m(np.zeros(10), poses.reshape(1, 72), np.ones((1, 3)))
    rest = smpl_joints_m() + 1
    np.testing.assert_allclose(vertices[20], rest[18] + [0, 0, 0.25], atol=1e-9)
    np.testing.assert_allclose(vertices[:18], rest[:18], atol=1e-9)


def test_rotation_vectors_are_rodrigues() -> None:
    np.testing.assert_allclose(rotations_of(np.zeros((1, 3))), [np.eye(3)])
    quarter = rotations_of(np.array([0, 0, np.pi / 2]))
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_smpl_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.pkl: format: .*npz"):
        Smpl.load(tmp_path / "basicModel_m.pkl")
    np.savez(tmp_path / "half.npz", v_template=np.ones((5, 3)))
    with pytest.raises(DataError, match=r"half\.npz: shapedirs: "):
        Smpl.load(tmp_path / "half.npz")
    np.save(tmp_path / "J.npy", np.ones((14, 100)))
    with pytest.raises(DataError, match=r"\(14, 100\), not \(17, vertices\)"):
        load_regressor(tmp_path / "J.npy")
