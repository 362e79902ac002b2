"""Law: detector, region, cut, landmark network and decoding together answer as mediapipe 0.10.21 does.

Its answers were recorded by record_mediapipe.py, which also turns the photograph.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engine.blazepose import networks
from engine.blazepose.decode import BODY_SCALE, HIP_CENTRE, decoded, in_frame, merged
from engine.blazepose.landmarks import BODY_POINTS, NEXT_CENTRE, NEXT_SCALE, CropLandmarks, crop_landmarks
from engine.blazepose.regions import region_around, shown_to_detector, turned_upright
from engine.blazepose.warp import cut, detector_input, landmark_input
from engine.body.crop import Region, transformed
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

data = pytest.importorskip("skimage.data", reason="needs scikit-image, the photograph")

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "mediapipe_0_10_21.json").read_text(encoding="utf-8"))
ANGLES_DEG = [pytest.param(int(angle), id=f"{angle}deg") for angle in RECORDED["poses"]]


@pytest.fixture(scope="module")
def recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record_mediapipe", HERE / "record_mediapipe.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def backends(networks_dir: Path) -> Iterator[tuple[OnnxRuntimeBackend, OnnxRuntimeBackend]]:
    with (
        OnnxRuntimeBackend(networks.detector_onnx()) as detector,
        OnnxRuntimeBackend(networks.landmark_onnx(networks.FULL)) as landmark,
    ):
        yield detector, landmark


def detected_region(detector: OnnxRuntimeBackend, image_rgb: np.ndarray) -> Region:
    height, width = image_rgb.shape[:2]
    frame = shown_to_detector((width / 2, height / 2), max(width, height))
    picture, frame_from_crop = cut(image_rgb, frame, networks.DETECTOR_SIZE_PX, outside="black")
    outputs = detector.run({"image": detector_input(picture)[None]})
    best = in_frame(merged(decoded(outputs["boxes"][0], outputs["scores"][0])), frame_from_crop).points[0]
    region = region_around(best[HIP_CENTRE], best[BODY_SCALE])
    assert region is not None
    return region


def landmarks_in(
    landmark: OnnxRuntimeBackend, image_rgb: np.ndarray, region: Region
) -> tuple[CropLandmarks, np.ndarray, np.ndarray]:
    """The network's answer, its points in the frame and its world points in the frame's axes (mm)."""
    picture, frame_from_crop = cut(image_rgb, region, networks.LANDMARK_SIZE_PX)
    found = crop_landmarks(landmark.run({"image": landmark_input(picture)[None]}))
    world_mm = turned_upright(found.world_m, region.angle_rad) * 1e3
    return found, transformed(found.points_px, frame_from_crop), world_mm


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
def test_whole_path(backends: Any, recorder: ModuleType, angle_deg: int) -> None:
    expected = RECORDED["poses"][str(angle_deg)]
    image_rgb = recorder.turned_photo(data.astronaut(), angle_deg)
    detector, landmark = backends
    region = detected_region(detector, image_rgb)
    assert region.size_px == pytest.approx(expected["size_px"], rel=1e-3)
    assert region.angle_rad == pytest.approx(expected["angle_rad"], abs=1e-3)
    found, points_px, world_mm = landmarks_in(landmark, image_rgb, region)
    apart_px = np.linalg.norm(points_px[:BODY_POINTS] - expected["points_px"], axis=1)
    apart_mm = np.linalg.norm(world_mm[:BODY_POINTS] - expected["world_mm"], axis=1)
    assert np.median(apart_px) < 0.5 and apart_px.max() < 2  # asked for: median 2
    assert apart_mm.max() < 5  # asked for: 15
    np.testing.assert_allclose(found.visibility[:BODY_POINTS], expected["visibility"], atol=0.02)
    assert found.presence > 0.5


def test_the_next_region_follows_the_person(backends: Any, recorder: ModuleType) -> None:
    """Turned by 40 degrees, the region from the landmarks 33 and 34 finds the same body as the detector's did."""
    image_rgb = recorder.turned_photo(data.astronaut(), 40)
    detector, landmark = backends
    first = detected_region(detector, image_rgb)
    _, points_px, _ = landmarks_in(landmark, image_rgb, first)
    second = region_around(points_px[NEXT_CENTRE], points_px[NEXT_SCALE])
    assert second is not None
    assert second.angle_rad == pytest.approx(first.angle_rad, abs=np.radians(15))
    _, again_px, _ = landmarks_in(landmark, image_rgb, second)
    nose_and_shoulders = [0, 11, 12]
    apart_px = np.linalg.norm(again_px[nose_and_shoulders] - points_px[nose_and_shoulders], axis=1)
    assert apart_px.max() < 20
