"""The fused graph says what encoder, `LiveNumbers` and live model say one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_graphs import stored, two_layers

from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.body.pose import PersonPose
from engine.build.build_error import BuildError
from engine.build.fused import fused, fused_onnx
from engine.build.graphs import encoder_path, graph_named
from engine.build.onnx_file import OnnxGraph, read_onnx
from engine.build.precision import Precision, converted
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.di2pose_estimator import Di2PoseEstimator
from engine.runtime.estimator import Estimator
from engine.runtime.fused_estimator import FusedEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from realtime.spread_pictures import spread_pictures

MEAN_MM, WORST_MM = 0.01, 0.1
"""Joints. Not zero: the numpy code adds up in double precision, the graph in single; a number that the live model
reads differs by 4e-7, one of the pyramid by 3e-5."""
PX = 0.001


@dataclass(frozen=True)
class Both:
    separate: Estimator
    fused: Estimator

    def poses(self, crops: list[PersonCrop], camera: Camera) -> list[tuple[PersonPose, PersonPose]]:
        return list(zip(self.separate.poses(crops, camera), self.fused.poses(crops, camera), strict=True))


@contextmanager
def cache_in(directory: Path) -> Iterator[None]:
    """Only of fused graphs: the networks stay where they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.build.fused.cache_dir", lambda: directory)
        yield


@pytest.fixture(scope="module")
def live(exported: tuple[Path, Path]) -> Path:
    return exported[1]


@pytest.fixture(scope="module")
def fused_path(live: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with cache_in(tmp_path_factory.mktemp("cache")):
        return fused_onnx(encoder_path(), live)


@pytest.fixture(scope="module")
def both(live: Path, fused_path: Path):
    with (
        OnnxRuntimeBackend(encoder_path()) as landmark,
        OnnxRuntimeBackend(live) as denoiser,
        OnnxRuntimeBackend(fused_path) as whole,
    ):
        yield Both(
            Di2PoseEstimator(BlazePoseEncoder(landmark), denoiser, "test", hypotheses=3),
            FusedEstimator(whole, "test", hypotheses=3),
        )


@pytest.fixture(scope="module")
def people() -> tuple[list[PersonCrop], Camera]:
    """Five crops of the bundled clip: three whole people, one cut off by the crop, and one of the background."""
    pictures = spread_pictures("demo", 3)
    height, width = pictures[0].shape[:2]
    regions = [Region((width / 2, height / 2), 0.9 * height, angle) for angle in (0.0, 0.4, -0.2)]
    regions += [Region((width / 2, height / 2), 0.3 * height), Region((0.0, 0.0), 0.3 * height)]
    crops = [PersonCrop(number, *cut(pictures[number % 3], region, 256)) for number, region in enumerate(regions)]
    return crops, Camera.from_fov((width, height))


def check_same(pairs: list[tuple[PersonPose, PersonPose]]) -> None:
    for wanted, found in pairs:
        off_mm = np.linalg.norm(found.joints_mm - wanted.joints_mm, axis=-1)
        assert off_mm.mean() < MEAN_MM and off_mm.max() < WORST_MM
        assert found.person_id == wanted.person_id
        assert found.points33 is not None and wanted.points33 is not None and wanted.hypotheses_mm is not None
        np.testing.assert_allclose(found.spread_mm, wanted.spread_mm, rtol=1e-3, atol=0.01)
        np.testing.assert_allclose(found.root_mm, wanted.root_mm, rtol=1e-4, atol=0.5)
        np.testing.assert_allclose(found.joints_px, wanted.joints_px, atol=0.1)
        np.testing.assert_allclose(found.points33.points_px, wanted.points33.points_px, atol=10 * PX)
        np.testing.assert_allclose(found.points33.points_mm, wanted.points33.points_mm, atol=WORST_MM)
        for name in ("confidence", "presence"):
            np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-5)
        np.testing.assert_allclose(found.points33.visibility, wanted.points33.visibility, atol=1e-5)
        assert (found.next_region is None) == (wanted.next_region is None)
        if found.next_region is not None and wanted.next_region is not None:
            np.testing.assert_allclose(found.next_region.corners_px, wanted.next_region.corners_px, atol=0.01)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_same_poses_in_groups_of_any_size(both: Both, people: tuple[list[PersonCrop], Camera], batch: int) -> None:
    crops, camera = people
    check_same(both.poses(crops[:batch], camera))
    check_same(both.poses(crops[-batch:], camera))


def test_the_same_poses_behind_a_wide_lens(both: Both, people: tuple[list[PersonCrop], Camera]) -> None:
    crops, camera = people
    check_same(both.poses(crops, replace(camera, distortion=(-0.12, 0.02, 0.001, -0.002, 0.0))))


def test_the_same_poses_where_there_is_nobody_to_see(both: Both, people: tuple[list[PersonCrop], Camera]) -> None:
    crops, camera = people
    dark = replace(crops[0], image_rgb=np.zeros_like(crops[0].image_rgb))
    noisy = replace(crops[1], image_rgb=np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8))
    check_same(both.poses([dark, noisy], camera))
    assert both.fused.poses([], camera) == []


def test_hypotheses_are_the_same_but_for_draws_on_the_edge(both: Both, people: tuple[list[PersonCrop], Camera]) -> None:
    """A draw is the largest of some sums: two that are equal to the last digit may change places."""
    off_mm = [
        np.linalg.norm(found.hypotheses_mm - wanted.hypotheses_mm, axis=-1).mean(axis=-1)
        for wanted, found in both.poses(*people)
    ]
    assert (np.concatenate(off_mm) < MEAN_MM).mean() > 0.8


def test_it_is_made_once_and_comes_out_the_same(fused_path: Path, live: Path) -> None:
    again = fused(read_onnx(encoder_path(), "landmark"), read_onnx(live, "live"))
    assert again.SerializeToString(deterministic=True) == fused_path.read_bytes()
    written_ns = fused_path.stat().st_mtime_ns
    with cache_in(fused_path.parents[1]):
        assert fused_onnx(encoder_path(), live) == fused_path and fused_path.stat().st_mtime_ns == written_ns


def test_a_damaged_one_is_made_again(live: Path, tmp_path: Path) -> None:
    with cache_in(tmp_path):
        whole = fused_onnx(encoder_path(), live).read_bytes()
        fused_onnx(encoder_path(), live).write_bytes(whole[: len(whole) // 2])
        assert fused_onnx(encoder_path(), live).read_bytes() == whole


def test_what_is_no_live_model_of_this_version_is_refused(landmark: OnnxGraph, tmp_path: Path) -> None:
    other = read_onnx(stored(two_layers(), tmp_path / "two.onnx"), "live")
    with pytest.raises(BuildError, match=r"two.onnx is no live model of this version: it takes x .*export onnx"):
        fused(landmark, other)


def test_pixels_and_indices_stay_in_single_precision(fused_path: Path) -> None:
    """In half precision a place of 200 px is a multiple of an eighth."""
    model = converted(read_onnx(fused_path, "fused").model, Precision.FP16)
    narrow = {name for node in model.graph.node if node.op_type != "Cast" for name in node.output}
    assert not [name for name in narrow if name.startswith("exact/") and name.endswith(".narrow")]
    assert any(name.startswith("encoder/") and name.endswith(".narrow") for name in narrow)
    onnx.checker.check_model(model)


def test_it_is_a_graph_of_the_builder(live: Path, tmp_path: Path) -> None:
    with cache_in(tmp_path):
        graph = graph_named("fused", live_graph=live)
    assert graph.name == "fused" and graph.inputs[0].name == "crops"
    assert all(entry.shape[0] == "batch" for entry in graph.inputs if entry.name != "noise")
