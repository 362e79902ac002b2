"""People cut out where the network runs have the poses of people who were cut out before. In onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from small_graphs import live_of_everything, stored

from engine.blazepose.uncut import UncutPerson, cut_person
from engine.body.camera import Camera
from engine.body.crop import Region, SeenPerson
from engine.body.pose import PersonPose
from engine.build.fused import fused_onnx
from engine.build.graphs import encoder_path
from engine.runtime.backend import Backend, BackendError
from engine.runtime.framed_estimator import FramedEstimator, FrameSizeError
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.spread_pictures import spread_pictures

SIZE_WH = (640, 480)
CAMERA = Camera.from_fov(SIZE_WH)
REGIONS = [Region((320.0, 240.0), 400.0, 0.1), Region((100.0, 470.0), 300.0, -0.4), Region((-50.0, 20.0), 200.0)]


@dataclass(frozen=True)
class Both:
    framed: Backend
    crops: Backend

    def estimator(self, **given: object) -> FramedEstimator:
        return FramedEstimator({SIZE_WH: self.framed}, "w", otherwise=self.by_crops(), **given)  # type: ignore[arg-type]

    def by_crops(self) -> FusedEstimator:
        return FusedEstimator(self.crops, "w", hypotheses=2)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    directory = tmp_path_factory.mktemp("graphs")
    live = stored(live_of_everything(), directory / "live.onnx")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("engine.build.fused.cache_dir", lambda: directory)
        framed, crops = (fused_onnx(encoder_path(), live, size) for size in (SIZE_WH, None))
        yield Both(*(stack.enter_context(OnnxRuntimeBackend(path)) for path in (framed, crops)))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return spread_pictures("demo", 1)[0]


def uncut(picture: np.ndarray) -> list[SeenPerson]:
    return [UncutPerson(number, picture, region, 256) for number, region in enumerate(REGIONS)]


def check_same(found: list[PersonPose], wanted: list[PersonPose]) -> None:
    assert [pose.person_id for pose in found] == [pose.person_id for pose in wanted] == [0, 1, 2]
    for one, other in zip(found, wanted, strict=True):
        for name in ("joints_mm", "root_mm", "joints_px", "confidence", "spread_mm", "hypotheses_mm"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert one.next_region == other.next_region


def test_the_same_poses_as_of_crops_that_were_cut_before(both: Both, picture: np.ndarray) -> None:
    cut = [cut_person(number, picture, region, 256) for number, region in enumerate(REGIONS)]
    estimator = both.estimator(hypotheses=2)
    check_same(estimator.poses(uncut(picture), CAMERA), both.by_crops().poses(cut, CAMERA))
    assert (estimator.name, estimator.weights, estimator.crop_size_px) == ("di2pose", "w", 256)
    assert estimator.poses([], CAMERA) == []


def test_a_frame_of_another_size_is_cut_on_the_cpu_and_that_is_said_once(
    both: Both, picture: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    estimator = both.estimator()
    smaller = np.ascontiguousarray(picture[:400])
    wanted = both.by_crops().poses(uncut(smaller), CAMERA)
    for _ in range(2):
        check_same(estimator.poses(uncut(smaller), CAMERA), wanted)
    said = [text for text in caplog.messages if "people in frames of 640x400 are cut out on the CPU" in text]
    assert len(said) == 1 and "engines take frames of 640x480" in said[0]
    assert "di2pose build --graph fused --frame 640x400" in said[0]


def test_people_who_are_cut_already_are_taken_as_they_are(both: Both, picture: np.ndarray) -> None:
    cut: list[SeenPerson] = [cut_person(number, picture, region, 256) for number, region in enumerate(REGIONS)]
    wanted = both.by_crops().poses(cut, CAMERA)
    check_same(both.estimator().poses(cut, CAMERA), wanted)
    check_same(both.estimator().poses([uncut(picture)[0], *cut[1:]], CAMERA), wanted)


def test_where_nothing_takes_crops_other_frames_are_refused_by_name(both: Both, picture: np.ndarray) -> None:
    estimator = FramedEstimator({SIZE_WH: both.framed}, "w", otherwise=None)
    assert len(estimator.poses(uncut(picture), CAMERA)) == len(REGIONS)
    with pytest.raises(FrameSizeError, match="take frames of 640x480 and no frames of 640x400.*--frame 640x400.*auto"):
        estimator.poses(uncut(picture[:400]), CAMERA)
    with pytest.raises(FrameSizeError, match="take frames of 640x480 and no crops; .*--graph fused`.*--backend auto"):
        estimator.poses([cut_person(0, picture, REGIONS[0], 256)], CAMERA)


def test_another_graph_is_refused(both: Both) -> None:
    with pytest.raises(BackendError, match="takes distortion.*this one takes crops.*--graph fused --frame 640x480"):
        FramedEstimator({SIZE_WH: both.crops}, "w", otherwise=None)
    with pytest.raises(BackendError, match=r"frames of 640x400 takes them as \(1, 400, 640, 3\), this one as \(1, 480"):
        FramedEstimator({(640, 400): both.framed}, "w", otherwise=None)


def test_warming_up_runs_every_graph(both: Both) -> None:
    class Counted:
        def __init__(self, backend: Backend) -> None:
            self.inputs, self.runs, self._backend = backend.inputs, 0, backend

        def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            self.runs += 1
            return self._backend.run(inputs)

    framed, crops = Counted(both.framed), Counted(both.crops)
    estimator = FramedEstimator({SIZE_WH: framed}, "w", otherwise=FusedEstimator(crops, "w"))  # type: ignore[dict-item,arg-type]
    estimator.warm_up()
    estimator.forget(3)
    assert (framed.runs, crops.runs) == (1, 1)
