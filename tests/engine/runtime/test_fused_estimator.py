"""One run of one network per frame; equality with the separate path stands in tests/engine/build/test_fused.py."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.runtime.backend import BackendError, TensorInfo
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.fused_inputs import CROPS, POINTS_PX, PRESENCE, VISIBILITY, WORLD_M, ViewNumbers

CAMERA = Camera.from_fov((640, 480))
INPUTS = [TensorInfo(name, ("batch",), "float32") for name in (CROPS, *ViewNumbers.NAMES)]
NOISE = TensorInfo("noise", (4, 1, 2, 3), "float32")


class Recorded:
    """A backend whose answers lie in one memory that every run overwrites, as those of a GPU do."""

    inputs = (*INPUTS, NOISE)

    def __init__(self) -> None:
        self.given: list[Mapping[str, np.ndarray]] = []
        self._memory = np.zeros(100_000, np.float32)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.given.append(inputs)
        rng, batch = np.random.default_rng(len(self.given)), len(inputs[CROPS])
        shapes = {
            POINTS_PX: (39, 2), WORLD_M: (39, 3), VISIBILITY: (39,), PRESENCE: (1,),
            "joints_mm": (17, 3), "spread_mm": (17,), "seen": (17,), "hypotheses_mm": (4, 17, 3),
        }  # fmt: skip
        outputs, begin = {}, 0
        for name, shape in shapes.items():
            size = batch * int(np.prod(shape))
            outputs[name] = self._memory[begin : begin + size].reshape(batch, *shape)
            outputs[name][...] = rng.random(outputs[name].shape)
            begin += size
        for name in ("joints_mm", "hypotheses_mm"):
            outputs[name][..., 0, :] = 0
        return outputs


def crops(*ids: int) -> list[PersonCrop]:
    region = Region((320.0, 240.0), 300.0, 0.2)
    return [PersonCrop(number, np.full((256, 256, 3), number, np.uint8), region.frame_from_crop(256)) for number in ids]


def test_a_frame_is_one_run_and_poses_come_in_the_order_of_the_crops() -> None:
    backend = Recorded()
    poses = FusedEstimator(backend, "w").poses(crops(5, 3, 9), CAMERA)  # type: ignore[arg-type]
    (given,) = backend.given
    assert [pose.person_id for pose in poses] == [5, 3, 9]
    assert given[CROPS].dtype == np.uint8 and given[CROPS][:, 0, 0, 0].tolist() == [5, 3, 9]
    assert set(given) == {info.name for info in backend.inputs} and given["noise"].shape == NOISE.shape
    assert all(pose.hypotheses_mm is None for pose in poses)


def test_poses_outlive_the_next_run() -> None:
    estimator = FusedEstimator(Recorded(), "w", hypotheses=2)  # type: ignore[arg-type]
    [pose] = estimator.poses(crops(1), CAMERA)
    names = ("joints_mm", "spread_mm", "confidence", "joints_px", "hypotheses_mm", "root_mm")
    before = {name: getattr(pose, name).copy() for name in names}
    points = (pose.points33.points_px.copy(), pose.points33.points_mm.copy(), pose.points33.visibility.copy())
    estimator.poses(crops(2), CAMERA)
    assert all((getattr(pose, name) == array).all() for name, array in before.items())
    assert (pose.points33.points_px == points[0]).all() and (pose.points33.points_mm == points[1]).all()
    assert (pose.points33.visibility == points[2]).all()


def test_nobody_costs_no_run() -> None:
    backend = Recorded()
    assert FusedEstimator(backend, "w").poses([], CAMERA) == [] and not backend.given  # type: ignore[arg-type]


def test_another_graph_is_refused() -> None:
    other = Recorded()
    other.inputs = (TensorInfo("image", ("batch", 256, 256, 3), "float32"), NOISE)
    with pytest.raises(BackendError, match=r"takes crops.*this one takes image, noise.*--graph fused"):
        FusedEstimator(other, "w")  # type: ignore[arg-type]
