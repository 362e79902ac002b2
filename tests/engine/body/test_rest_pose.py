import numpy as np

from engine.body.rest_pose import HEIGHT_MM, REST_POSE_MM
from engine.body.skeleton import H36M17


def at(name: str) -> np.ndarray:
    return REST_POSE_MM[H36M17.row(name)]


def test_left_and_right_mirror_each_other():
    np.testing.assert_array_equal(REST_POSE_MM[H36M17.mirror_rows] * [-1, 1, 1], REST_POSE_MM)


def test_the_pelvis_is_the_origin_and_nobody_may_write():
    assert not REST_POSE_MM[0].any()
    assert not REST_POSE_MM.flags.writeable


def test_the_person_stands_upright_and_faces_the_camera():
    assert at("head_top")[1] < at("thorax")[1] < 0 < at("left_knee")[1] < at("left_ankle")[1]
    assert at("left_wrist")[0] > 0 > at("right_wrist")[0]
    assert at("neck_nose")[2] < 0


def test_the_proportions_are_those_of_an_adult():
    standing_mm = at("left_ankle")[1] - at("head_top")[1]
    assert 0.93 * HEIGHT_MM < standing_mm < HEIGHT_MM
    assert abs((at("left_wrist")[0] - at("right_wrist")[0]) / HEIGHT_MM - 0.86) < 0.05  # arm span without hands
    parents, children = np.array(H36M17.bones).T
    lengths_mm = np.linalg.norm(REST_POSE_MM[children] - REST_POSE_MM[parents], axis=1)
    assert lengths_mm.min() > 80 and lengths_mm.max() < 500
