"""Laws on real and drawn people: the detector fires on them and not on noise; a shift of the labels is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from engine.body.skeleton_map import H36M17_FROM_BLAZEPOSE33
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from training.synthetic.crop_kind import kind_of
from training.synthetic.looks_human import LIMBS, HumanJudge, human_judge, looks_human, table
from training.synthetic.scene import Crop


@pytest.fixture(scope="module")
def judge(networks_dir: object) -> Iterator[HumanJudge]:
    with human_judge() as judge:
        yield judge


@pytest.fixture
def encoder(full_encoder: BlazePoseEncoder) -> BlazePoseEncoder:
    return full_encoder


def labelled(image_rgb: np.ndarray, encoder: BlazePoseEncoder, *, shift_px: float = 0.0) -> Crop:
    """The network's own answer as truth, moved to the right."""
    found = encoder.encode(image_rgb[None])[0].landmarks
    joints_px = H36M17_FROM_BLAZEPOSE33 @ found.points_px[:33] + (shift_px, 0)
    joints_mm = H36M17_FROM_BLAZEPOSE33 @ found.world_m[:33] * 1000
    return Crop(
        image_rgb=image_rgb,
        joints_mm=(joints_mm - joints_mm[0]).astype(np.float32),
        root_mm=np.float32([0, 0, 3000]),
        joints_px=joints_px.astype(np.float32),
        visible=np.ones(17, bool),
        camera=Camera.from_fov((256, 256), 55),
        frame_from_crop=np.eye(2, 3),
        about={"occluders": 0},
    )


def test_real_people_look_human(squats: list[np.ndarray], judge: HumanJudge, encoder: BlazePoseEncoder) -> None:
    figures, offsets = looks_human((labelled(image, encoder) for image in squats[::3]), judge)
    assert {each.kind for each in figures} <= {"upright", "bent"}
    assert sum(each.crops for each in figures) == len(squats[::3])
    assert all(each.detected == each.present == 1.0 and each.limb_median < 1e-3 for each in figures)
    assert [each.joint for each in offsets] == list(H36M17.names)
    assert "left_wrist" in table(figures, offsets)


def test_the_drawn_avatar_looks_human(drawn: list[np.ndarray], judge: HumanJudge, encoder: BlazePoseEncoder) -> None:
    figures, _ = looks_human((labelled(image, encoder) for image in drawn[::3]), judge, kind=lambda _: "drawn")
    assert figures[0].detected >= 0.9


def test_noise_does_not(squats: list[np.ndarray], judge: HumanJudge, encoder: BlazePoseEncoder) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    crops = [replace(labelled(image, encoder), image_rgb=noise) for image in squats[:3]]
    figures, _ = looks_human(crops, judge)
    assert all(each.detected == 0.0 and each.present < 0.5 for each in figures)


def test_somebody_elsewhere_in_the_crop_does_not_count(
    squats: list[np.ndarray], judge: HumanJudge, encoder: BlazePoseEncoder
) -> None:
    far = labelled(squats[0], encoder, shift_px=120)
    assert judge.judged(labelled(squats[0], encoder), "").score > 0.5
    assert judge.judged(far, "").score == 0.0


def test_a_shift_of_the_labels_is_the_mean_offset(
    squats: list[np.ndarray], judge: HumanJudge, encoder: BlazePoseEncoder
) -> None:
    crops = [labelled(image, encoder, shift_px=-8) for image in squats[:4]]
    boxes_px = [float(np.ptp(crop.joints_px, axis=0).max()) for crop in crops]
    expected = float(np.mean([8 / box_px for box_px in boxes_px]))
    figures, offsets = looks_human(crops, judge)
    for each in offsets:
        assert (each.count, each.right, each.down) == (4, pytest.approx(expected, abs=1e-3), pytest.approx(0, abs=1e-3))
        assert abs(each.own_left) == pytest.approx(expected, rel=0.2)  # she faces the camera: her left is on the right
        assert each.own_left > 0
    assert sum(each.limbs for each in figures) == 4 * len(LIMBS)
    hidden = [replace(crop, visible=np.zeros(17, bool)) for crop in crops]
    figures, offsets = looks_human(hidden, judge, kind=lambda _: "hidden")
    assert (figures[0].limbs, figures[0].limb_median, figures[0].joint_medians, offsets) == (0, 0.0, (), [])


def test_kinds_are_told_from_the_truth(squats: list[np.ndarray], encoder: BlazePoseEncoder) -> None:
    standing = np.zeros((17, 3), np.float32)
    for joint, y in (("knee", 450), ("ankle", 900)):
        standing[H36M17.rows(f"left_{joint}", f"right_{joint}"), 1] = y
    standing[H36M17.rows("spine", "thorax", "neck_nose", "head_top"), 1] = (-250, -500, -600, -750)
    crop = replace(
        labelled(squats[0], encoder), joints_mm=standing, joints_px=standing[:, :2] / 10 + np.float32([128, 128])
    )
    assert kind_of(crop) == "upright"
    lying = standing[:, [1, 0, 2]]
    assert kind_of(replace(crop, joints_mm=lying)) == "lying"
    folded = standing.copy()
    folded[H36M17.rows("spine", "thorax", "neck_nose", "head_top")] = lying[
        H36M17.rows("spine", "thorax", "neck_nose", "head_top")
    ]
    assert kind_of(replace(crop, joints_mm=folded)) == "bent"
    assert kind_of(replace(crop, about={"occluders": 2})) == "occluded"
    assert kind_of(replace(crop, about={}, visible=np.arange(17) < 7)) == "occluded"
    assert kind_of(replace(crop, joints_px=crop.joints_px + 60)) == "truncated"
