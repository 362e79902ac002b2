"""The baseline on real pictures: the contract of a pose, the order of a batch, what a turned camera sees."""

import cv2
import numpy as np
import pytest
import skimage.data

from engine.blazepose.networks import FULL, landmark_onnx
from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.body.skeleton import H36M17
from engine.runtime.blazepose_estimator import BlazePoseEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

CAMERA = Camera.from_fov((512, 512), 55)


@pytest.fixture(scope="module")
def estimator(networks_dir):
    with OnnxRuntimeBackend(landmark_onnx(FULL)) as backend:
        yield BlazePoseEstimator(backend, weights="test")


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()


def crop_of(image, person_id=1, *, x=225.0, y=330.0, size_px=700.0, angle_rad=0.0):
    picture, frame_from_crop = cut(image, Region((x, y), size_px, angle_rad), 256)
    return PersonCrop(person_id, picture, frame_from_crop)


def test_a_pose_keeps_its_contract(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut, 7)], CAMERA)
    assert pose.person_id == 7
    assert pose.presence > 0.8
    assert pose.spread_mm is None
    assert pose.points33 is not None
    assert pose.next_region is not None
    assert (pose.joints_mm[0] == 0).all()
    shoulders = pose.joints_px[H36M17.rows("left_shoulder", "right_shoulder")]
    assert shoulders[0, 0] > 270 > 180 > shoulders[1, 0]  # she faces the camera: her left is on the right
    assert not pose.hidden[H36M17.rows("left_shoulder", "right_shoulder")].any()
    assert pose.hidden[H36M17.rows("left_ankle", "right_ankle")].any()


def test_the_root_projects_the_body_onto_its_pixels(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut)], CAMERA)
    seen = H36M17.rows("left_shoulder", "right_shoulder", "thorax", "neck_nose")
    projected = CAMERA.project(pose.joints_mm + pose.root_mm)
    assert np.abs(projected[seen] - pose.joints_px[seen]).max() < 40


def test_each_crop_of_a_batch_gives_what_it_gives_alone(estimator, astronaut):
    crops = [crop_of(astronaut, 1), crop_of(astronaut, 2, size_px=500.0), crop_of(np.zeros_like(astronaut), 3)]
    together = estimator.poses(crops, CAMERA)
    assert [pose.person_id for pose in together] == [1, 2, 3]
    for crop, pose in zip(crops, together, strict=True):
        [alone] = estimator.poses([crop], CAMERA)
        np.testing.assert_allclose(pose.joints_mm, alone.joints_mm, atol=0.5)
        np.testing.assert_allclose(pose.joints_px, alone.joints_px, atol=0.5)
    assert together[2].presence < 0.5


@pytest.mark.parametrize("turn_deg", [30, -60])
def test_a_turned_picture_gives_a_turned_body(estimator, astronaut, turn_deg):
    """The crop follows the turn, so the network sees the same picture; the axes must be the frame's all the same."""
    around = cv2.getRotationMatrix2D((225.0, 225.0), -turn_deg, 1.0)  # OpenCV counts the other way round
    turned = cv2.warpAffine(astronaut, around, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    [upright] = estimator.poses([crop_of(astronaut, size_px=400, y=225.0)], CAMERA)
    [leaning] = estimator.poses([crop_of(turned, size_px=400, y=225.0, angle_rad=np.radians(turn_deg))], CAMERA)
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    head = H36M17.rows("neck_nose", "thorax", "left_shoulder", "right_shoulder")
    expected = (upright.joints_mm - upright.joints_mm[8]) @ turn.T
    assert np.abs((leaning.joints_mm - leaning.joints_mm[8] - expected)[head]).max() < 25
    back = (leaning.joints_px[head] - 225) @ turn[:2, :2] + 225
    assert np.abs(back - upright.joints_px[head]).max() < 8


def test_nobody_in_nobody_out(estimator):
    assert estimator.poses([], CAMERA) == []
