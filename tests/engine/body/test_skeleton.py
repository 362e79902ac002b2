import numpy as np
import pytest

from engine.body.pose import JOINTS, POINTS
from engine.body.skeleton import BLAZEPOSE33_NAMES, COCO17_NAMES, H36M17, Skeleton
from engine.body.skeleton_map import COCO17_FROM_H36M17, H36M17_FROM_BLAZEPOSE33, MAP, confidence_of


def test_h36m_row_order_is_the_contract():
    assert H36M17.names[:7] == (
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    )  # fmt: skip
    assert H36M17.names[7:11] == ("spine", "thorax", "neck_nose", "head_top")
    assert H36M17.names[11:] == (
        "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    )  # fmt: skip
    assert H36M17.id == "h36m17/1"
    assert (len(H36M17.names), len(BLAZEPOSE33_NAMES)) == (JOINTS, POINTS)


def test_mirroring_twice_changes_nothing_and_swaps_sides():
    rows = H36M17.mirror_rows
    assert (rows[rows] == np.arange(17)).all()
    assert H36M17.names[rows[H36M17.row("left_wrist")]] == "right_wrist"
    assert rows[H36M17.row("spine")] == H36M17.row("spine")


def test_an_unknown_joint_is_named_with_the_known_ones():
    with pytest.raises(KeyError, match="tail.*pelvis"):
        H36M17.row("tail")


@pytest.mark.parametrize(("names", "parents"), [(("a", "b"), (-1,)), (("a", "a"), (-1, 0)), (("a", "b"), (1, -1))])
def test_a_skeleton_checks_itself(names, parents):
    with pytest.raises(ValueError, match="t/1"):
        Skeleton("t/1", names, parents, ())


def test_the_map_covers_every_joint_by_name():
    assert tuple(MAP) == H36M17.names
    assert {entry.coco for entry in MAP.values()} - {None} <= set(COCO17_NAMES)
    for coco, row in zip(COCO17_NAMES, COCO17_FROM_H36M17, strict=True):
        assert row is None or H36M17.names[row] == coco


def test_the_blazepose_matrix_keeps_shifts_and_mirrors():
    points = np.random.default_rng(0).normal(size=(33, 3))
    np.testing.assert_allclose(H36M17_FROM_BLAZEPOSE33.sum(axis=1), 1)
    moved = H36M17_FROM_BLAZEPOSE33 @ (points + [1, 2, 3])
    np.testing.assert_allclose(moved, H36M17_FROM_BLAZEPOSE33 @ points + [1, 2, 3])
    order = [BLAZEPOSE33_NAMES.index(_other_side(name)) for name in BLAZEPOSE33_NAMES]
    mirrored = (points * [-1, 1, 1])[order]
    expected = (H36M17_FROM_BLAZEPOSE33 @ points * [-1, 1, 1])[H36M17.mirror_rows]
    np.testing.assert_allclose(H36M17_FROM_BLAZEPOSE33 @ mirrored, expected, atol=1e-12)


def test_hips_are_widened_about_the_same_middle():
    points = np.zeros((33, 3))
    points[BLAZEPOSE33_NAMES.index("left_hip")] = [88, 0, 0]
    points[BLAZEPOSE33_NAMES.index("right_hip")] = [-88, 0, 0]
    joints = H36M17_FROM_BLAZEPOSE33 @ points
    assert joints[H36M17.row("left_hip"), 0] == pytest.approx(132.5)
    assert joints[H36M17.row("right_hip"), 0] == pytest.approx(-132.5)
    assert joints[H36M17.row("pelvis"), 0] == pytest.approx(0)


def test_confidence_is_a_mean_of_visibilities():
    assert confidence_of(np.ones(33)) == pytest.approx(1)
    visibility = np.ones(33)
    visibility[BLAZEPOSE33_NAMES.index("left_wrist")] = 0.1
    assert confidence_of(visibility)[H36M17.row("left_wrist")] == pytest.approx(0.1)


def _other_side(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")
