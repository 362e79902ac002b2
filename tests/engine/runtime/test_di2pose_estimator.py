"""The shipped estimator on real pictures: the contract of a pose, its doubt, batches, turned pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from engine.blazepose.networks import HEAVY, landmark_onnx
from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.body.skeleton import BLAZEPOSE33_NAMES, H36M17
from engine.runtime.backend import BackendError
from engine.runtime.blazepose_encoder import BlazePoseEncoder, needed_outputs
from engine.runtime.di2pose_estimator import Di2PoseEstimator, shipped_graph
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.config import ConfigError, LineConfig
from realtime.parts import estimator_named

CAMERA = Camera.from_fov((512, 512), 55)


@pytest.fixture(scope="module")
def estimator(networks_dir):
    with estimator_named("di2pose", LineConfig()) as found:
        yield found


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()


def crop_of(image, person_id=1, *, x=225.0, y=330.0, size_px=700.0, angle_rad=0.0):
    picture, frame_from_crop = cut(image, Region((x, y), size_px, angle_rad), 256)
    return PersonCrop(person_id, picture, frame_from_crop)


def test_a_pose_keeps_its_contract(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut, 7)], CAMERA)
    assert pose.person_id == 7 and pose.presence > 0.8 and pose.next_region is not None
    assert (pose.joints_mm[0] == 0).all()
    sides = pose.joints_mm[H36M17.rows("left_shoulder", "right_shoulder")]
    assert sides[0, 0] - sides[1, 0] > 200  # she faces the camera: her left is on the right
    assert 300 < np.linalg.norm(pose.joints_mm[H36M17.row("thorax")]) < 600


def test_doubt_is_stated_for_every_joint_and_is_larger_for_what_is_hidden(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut)], CAMERA)
    assert pose.spread_mm is not None and pose.spread_mm[0] == 0 and (pose.spread_mm[1:] > 0).all()
    feet, shoulders = (H36M17.rows(f"left_{name}", f"right_{name}") for name in ("ankle", "shoulder"))
    assert pose.hidden[feet].all() and not pose.hidden[shoulders].any()
    assert pose.spread_mm[feet].min() > 1.5 * pose.spread_mm[shoulders].max()


def test_hands_and_face_hang_on_the_joints(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut)], CAMERA)
    points = pose.points33
    assert points is not None
    for name in ("left_wrist", "right_elbow", "left_ankle", "right_shoulder"):
        found = points.points_mm[BLAZEPOSE33_NAMES.index(name)]
        np.testing.assert_allclose(found, pose.joints_mm[H36M17.row(name)], atol=0.01)
    finger = points.points_mm[BLAZEPOSE33_NAMES.index("left_index")]
    assert np.linalg.norm(finger - pose.joints_mm[H36M17.row("left_wrist")]) < 250


def test_equal_pictures_give_equal_poses_and_each_crop_what_it_gives_alone(estimator, astronaut):
    crops = [crop_of(astronaut, 1), crop_of(astronaut, 2, size_px=500.0), crop_of(np.zeros_like(astronaut), 3)]
    together = estimator.poses(crops, CAMERA)
    assert [pose.person_id for pose in together] == [1, 2, 3]
    for crop, pose in zip(crops, together, strict=True):
        [alone] = estimator.poses([crop], CAMERA)
        np.testing.assert_allclose(alone.joints_mm, pose.joints_mm, atol=0.5)
        np.testing.assert_allclose(alone.spread_mm, pose.spread_mm, rtol=0.02)
    [again] = estimator.poses(crops[:1], CAMERA)
    [first] = estimator.poses(crops[:1], CAMERA)
    assert (again.joints_mm == first.joints_mm).all() and (again.spread_mm == first.spread_mm).all()
    assert estimator.poses([], CAMERA) == []


def test_a_turned_picture_gives_the_turned_body(estimator, astronaut):
    """The camera rolled by 90 degrees: the crop is cut upright, and the pose lies in the camera's axes."""
    turned = np.ascontiguousarray(cv2.rotate(astronaut, cv2.ROTATE_90_CLOCKWISE))
    [upright] = estimator.poses([crop_of(astronaut)], CAMERA)
    [lying] = estimator.poses([crop_of(turned, x=511 - 330.0, y=225.0, angle_rad=np.pi / 2)], CAMERA)
    expected = np.stack([-upright.joints_mm[:, 1], upright.joints_mm[:, 0], upright.joints_mm[:, 2]], axis=1)
    np.testing.assert_allclose(lying.joints_mm, expected, atol=15)


def test_the_root_projects_the_body_onto_its_pixels(estimator, astronaut):
    [pose] = estimator.poses([crop_of(astronaut)], CAMERA)
    seen = H36M17.rows("left_shoulder", "right_shoulder", "thorax", "neck_nose")
    projected = CAMERA.project(pose.joints_mm + pose.root_mm)
    assert np.abs(projected[seen] - pose.joints_px[seen]).max() < 40


def test_a_graph_of_ones_own_is_used_and_named_by_its_content(estimator, tmp_path, networks_dir):
    own = tmp_path / "mine.onnx"
    own.write_bytes(shipped_graph().read_bytes())
    with estimator_named(str(own), LineConfig()) as found:
        assert found.name == "di2pose" and found.weights.startswith("mine-")
        assert found.weights.removeprefix("mine-") == estimator.weights.removeprefix("di2pose-")


def test_hypotheses_are_handed_on_when_asked_for_the_nearest_first(estimator, astronaut):
    [plain] = estimator.poses([crop_of(astronaut)], CAMERA)
    assert plain.hypotheses_mm is None
    with estimator_named("di2pose", LineConfig(hypotheses=5)) as asked:
        [pose] = asked.poses([crop_of(astronaut)], CAMERA)
    assert pose.hypotheses_mm.shape == (5, 17, 3) and (pose.hypotheses_mm[:, 0] == 0).all()
    off_mm = np.linalg.norm(pose.hypotheses_mm - pose.joints_mm, axis=-1).mean(axis=-1)
    assert (np.diff(off_mm) >= 0).all() and 5 < off_mm[0] < off_mm[-1]
    assert (pose.joints_mm == plain.joints_mm).all()
    with pytest.raises(ConfigError, match="between 0 and 16, got 17"):
        LineConfig(hypotheses=17)


def test_what_is_no_live_model_is_refused(tmp_path, networks_dir):
    landmark = OnnxRuntimeBackend(landmark_onnx(HEAVY, features=needed_outputs()))
    with landmark as backend, pytest.raises(BackendError, match="noise of a fixed shape, this one takes image"):
        Di2PoseEstimator(BlazePoseEncoder(backend), backend, weights="test")
    unknown = r"unknown estimator 'pose'; known are .*blazepose, or give the \.onnx file"
    with pytest.raises(ConfigError, match=unknown), estimator_named("pose", LineConfig()):
        pass
    with pytest.raises(BackendError, match="there is no network"), estimator_named("none.onnx", LineConfig()):
        pass
