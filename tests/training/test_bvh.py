from pathlib import Path

import numpy as np
import pytest

from training.bvh import BvhError, Motion, read_bvh
from training.retarget import CMU_JOINTS

SMALL = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT leg
  {
    OFFSET 1 -4 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -5 0.5
    }
  }
  JOINT arm
  {
    OFFSET 2 3 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 3 0 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.02
0 0 0 0 0 0 0 0 0 0 0 0
1 2 3 10 20 30 40 50 60 70 80 90
-5 9 1 -170 45 3 12 -80 9 1 2 -3
"""
CHANNELS = {"hip": "ZYX", "leg": "ZXY", "arm": "XYZ"}
OFFSETS_MM = {"leg": (10, -40, 0), "leg_end": (0, -50, 5), "arm": (20, 30, 0), "arm_end": (30, 0, 0)}
PARENTS = {"hip": None, "leg": "hip", "leg_end": "leg", "arm": "hip", "arm_end": "arm"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small.bvh"
    path.write_text(text)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Motion:
    return read_bvh(written(tmp_path, SMALL))


def reference_matrix(order: str, degrees: list[float]) -> np.ndarray:
    """Homogeneous product in listed order, every matrix written out."""
    product = np.eye(4)
    for axis, angle in zip(order, np.radians(degrees), strict=True):
        c, s = np.cos(angle), np.sin(angle)
        product = (
            product
            @ {
                "X": np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]),
                "Y": np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]]),
                "Z": np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
            }[axis]
        )
    return product


def test_reads_names_parents_offsets_and_rate(small: Motion) -> None:
    tree = small.hierarchy
    assert tree.names == tuple(PARENTS)
    assert [None if p < 0 else tree.names[p] for p in tree.parents] == list(PARENTS.values())
    np.testing.assert_allclose(tree.offsets_mm[1:], [OFFSETS_MM[name] for name in tree.names[1:]])
    assert small.rate_hz == pytest.approx(50)
    assert len(small) == 3


def test_world_positions_equal_the_product_of_written_out_matrices(small: Motion) -> None:
    _, positions_mm = small.world()
    for frame, line in enumerate(SMALL.splitlines()[-3:]):
        values = [float(word) for word in line.split()]
        angles = {"hip": values[3:6], "leg": values[6:9], "arm": values[9:12]}
        world = {}
        for name, parent in PARENTS.items():
            step = np.eye(4)
            step[:3, 3] = np.array(values[:3]) * 10 if parent is None else OFFSETS_MM[name]
            step = step @ reference_matrix(CHANNELS.get(name, ""), angles.get(name, []))
            world[name] = step if parent is None else world[parent] @ step
        expected = [world[name][:3, 3] for name in small.hierarchy.names]
        np.testing.assert_allclose(positions_mm[frame], expected, atol=1e-9)


def test_zero_rotations_give_the_rest_offsets(small: Motion) -> None:
    _, positions_mm = small.world()
    np.testing.assert_allclose(positions_mm[0, 2], np.add(OFFSETS_MM["leg"], OFFSETS_MM["leg_end"]))


def test_real_recordings_keep_bone_lengths_and_proper_rotations(shared_dir: Path) -> None:
    for name in ("02_01", "13_31"):
        motion = read_bvh(shared_dir / "data" / "mocap_cmu" / f"{name}.bvh", needs=CMU_JOINTS)
        rotations, positions_mm = motion.world()
        parents = np.array(motion.hierarchy.parents)
        lengths = np.linalg.norm(positions_mm[:, 1:] - positions_mm[:, parents[1:]], axis=-1)
        expected = np.broadcast_to(np.linalg.norm(motion.hierarchy.offsets_mm[1:], axis=-1), lengths.shape)
        np.testing.assert_allclose(lengths, expected, atol=1e-6)
        np.testing.assert_allclose(
            rotations @ np.swapaxes(rotations, -1, -2), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-9
        )
        np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
        assert len(motion.hierarchy.names) == 57
        assert motion.rate_hz == pytest.approx(30, rel=1e-4)
        head, foot = motion.rows(["head", "lFoot"])
        assert 1200 < np.median(positions_mm[:, head, 1] - positions_mm[:, foot, 1]) < 1700


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("-5 9 1 -170 45 3 12 -80 9 1 2 -3\n", "", r"line 29: 2 frames where the header promises 3"),
        ("-5 9 1 -170 45 3 12 -80 9 1 2 -3\n", "-5 9 1 -170", r"line 30: 4 values where the hierarchy has 12"),
        ("-170", "nan", r"line 30: a value is not finite"),
        ("-170", "x7", r"line 30: could not convert"),
        ("CHANNELS 3 Z", "CHANNELS 4 Xposition Z", r"line 9: joint leg has 4 channels .* export rotations only"),
        ("CHANNELS 3 Zrotation X", "CHANNELS 3 Zrotation Z", r"line 9: joint leg lists a channel twice"),
        ("CHANNELS 3 Z", "CHANNELS 2 Z", r"line 9: 'Yrotation' where CHANNELS or JOINT"),
        ("JOINT arm", "JOINT leg", r"line 15: a second joint called 'leg'"),
        ("OFFSET 1 -4 0", "OFFSET 1 inf 0", r"line 8: 'inf' is not finite"),
        ("Frame Time: 0.02", "Frame Time: 0", r"line 27: 3 frames of 0.0 s"),
        ("HIERARCHY\n", "", r"line 1: 'ROOT' where HIERARCHY should stand"),
    ],
)
def test_broken_files_name_line_and_cure(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SMALL
    with pytest.raises(BvhError, match=expected) as caught:
        read_bvh(written(tmp_path, SMALL.replace(old, new, 1)))
    assert "small.bvh" in str(caught.value)
    assert "fetch" in str(caught.value)


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    for length in range(0, len(SMALL) - 2, 17):
        with pytest.raises(BvhError):
            read_bvh(written(tmp_path, SMALL[:length]))


def test_another_hierarchy_and_no_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(BvhError, match=r"no joint abdomen.*docs/data\.md"):
        read_bvh(written(tmp_path, SMALL), needs=CMU_JOINTS)
    with pytest.raises(BvhError, match="absent"):
        read_bvh(tmp_path / "absent.bvh")
    (tmp_path / "binary.bvh").write_bytes(bytes(range(256)))
    with pytest.raises(BvhError, match="text"):
        read_bvh(tmp_path / "binary.bvh")
