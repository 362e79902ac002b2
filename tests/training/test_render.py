from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.body.camera import Camera
from training.avatar import Avatar, Part
from training.panorama import Panorama, read_panorama
from training.view import View

pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
from training.render import Body, Renderer, RenderError

SIZE_WH = (160, 120)
CAMERA = Camera.from_fov(SIZE_WH, 60.0)
VIEW = View.towards(CAMERA, (300.0, 1400.0, 3000.0), target_mm=(0.0, 700.0, 0.0))
RED = np.full((2, 2, 3), (255, 0, 0), np.uint8)


def square(centre_mm: tuple[float, float, float], half_mm: float, colour: np.ndarray = RED) -> Body:
    """A square that faces +z, as a body of one joint."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * half_mm + np.float32(centre_mm)
    normals = np.tile(np.float32([0, 0, 1]), (4, 1))
    avatar = Avatar(
        name=f"square {colour[0, 0]}",
        vertices_mm=corners,
        normals=normals,
        uv=np.zeros((4, 2), np.float32),
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        parts=(Part(0, 2, 0),),
        joint_indices=np.zeros((4, 4), np.intp),
        joint_weights=np.tile(np.float32([1, 0, 0, 0]), (4, 1)),
        joint_names=("Hips",),
        joint_parents=(-1,),
        rest_rotations=np.eye(3)[None],
        rest_translations_mm=np.zeros((1, 3)),
        inverse_bind=np.eye(4)[None],
        textures_rgb=(colour,),
    )
    return Body(avatar, corners, normals)


@pytest.fixture(scope="module")
def panorama(tmp_path_factory: pytest.TempPathFactory) -> Panorama:
    image = np.full((128, 256, 3), 128, np.uint8)
    image[:64] = (255, 160, 90)  # BGR: a blue sky over grey ground
    path = tmp_path_factory.mktemp("sky") / "sky.png"
    cv2.imwrite(str(path), image)
    return read_panorama(path)


@pytest.fixture(scope="module")
def renderer(panorama: Panorama) -> Iterator[Renderer]:
    try:
        made = Renderer(SIZE_WH, panorama)
    except RenderError as error:
        pytest.skip(str(error))
    with made:
        yield made


def is_red(image_rgb: np.ndarray) -> np.ndarray:
    return image_rgb[..., 0].astype(int) - image_rgb[..., 1] > 60


def test_bodies_appear_where_the_camera_projects_them(renderer: Renderer) -> None:
    centre_mm = (-400.0, 900.0, 200.0)
    rows, columns = np.nonzero(is_red(renderer.picture(VIEW, [square(centre_mm, 100.0)])))
    expected = CAMERA.project(VIEW.camera_mm(np.array(centre_mm)))
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=0.4)
    corners = CAMERA.project(VIEW.camera_mm(np.add(centre_mm, [[-100, -100, 0], [100, 100, 0]])))
    assert np.ptp(columns) + 1 == pytest.approx(abs(corners[1, 0] - corners[0, 0]), abs=1.5)


def test_a_view_keeps_its_target_in_the_middle_and_the_world_upright() -> None:
    target, above = VIEW.camera_mm(np.array([[0.0, 700.0, 0.0], [0.0, 800.0, 0.0]]))
    np.testing.assert_allclose(target[:2], 0, atol=1e-9)
    assert above[1] < 0 < target[2]
    np.testing.assert_allclose(VIEW.rotation @ VIEW.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(VIEW.rotation) == pytest.approx(1)


def test_the_nearer_body_hides_the_farther_whatever_the_order(renderer: Renderer) -> None:
    green = square((0.0, 700.0, 500.0), 300.0, np.full((2, 2, 3), (0, 255, 0), np.uint8))
    red = square((0.0, 700.0, 0.0), 100.0)
    for bodies in ([green, red], [red, green]):
        assert not is_red(renderer.picture(VIEW, bodies)).any()


def test_the_sky_is_above_and_the_shadow_darkens_the_ground(renderer: Renderer) -> None:
    plate = square((0.0, 0.0, 0.0), 150.0)
    lying_mm = plate.vertices_mm[:, [0, 2, 1]] + np.float32([0, 300, 0])
    image = renderer.picture(VIEW, [replace(plate, vertices_mm=lying_mm)])
    np.testing.assert_allclose(image[0, 0], (90, 160, 255), atol=3)
    foot = np.rint(CAMERA.project(VIEW.camera_mm(np.zeros(3)))).astype(int)
    far = np.rint(CAMERA.project(VIEW.camera_mm(np.array([700.0, 0.0, 900.0])))).astype(int)
    assert image[foot[1], foot[0]].astype(int).sum() < image[far[1], far[0]].astype(int).sum() - 60


def test_the_same_scene_gives_the_same_picture(renderer: Renderer, panorama: Panorama) -> None:
    first = renderer.picture(VIEW, [square((0.0, 700.0, 0.0), 200.0)])
    np.testing.assert_array_equal(first, renderer.picture(VIEW, [square((0.0, 700.0, 0.0), 200.0)]))
    with Renderer(SIZE_WH, panorama) as other:
        np.testing.assert_array_equal(first, other.picture(VIEW, [square((0.0, 700.0, 0.0), 200.0)]))


def test_a_real_avatar_stands_in_its_place(renderer: Renderer, shared_dir: Path) -> None:
    pytest.importorskip("meshoptimizer", reason="the extra 'data' is not installed")
    from training.avatar import load_avatar

    avatar = load_avatar(shared_dir / "data" / "avatars_valid" / "White_M_3_Casual.glb")
    with_person = renderer.picture(VIEW, [Body(avatar, avatar.vertices_mm, avatar.normals)]).astype(int)
    without = renderer.picture(VIEW, [square((0.0, -5000.0, 0.0), 1.0)]).astype(int)
    changed = np.abs(with_person - without).sum(axis=-1) > 60
    joints_px = CAMERA.project(VIEW.camera_mm(avatar.rest_world()[1]))
    inside = np.rint(joints_px[[avatar.row(name) for name in ("Hips", "Spine2", "LeftLeg", "LeftForeArm")]]).astype(int)
    assert changed[inside[:, 1], inside[:, 0]].all()
