"""Laws: one run gives features and the very landmarks of the plain network; torch gives the same sequence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.blazepose.features import KEPT_MAPS, POINT_MAP, at_points, shape_of
from engine.blazepose.landmarks import crop_landmarks
from engine.blazepose.networks import HEAVY, INPUT_NAME, landmark_onnx
from engine.blazepose.warp import landmark_input
from engine.runtime.backend import BackendError
from engine.runtime.blazepose_encoder import BlazePoseEncoder, needed_outputs
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

data = pytest.importorskip("skimage.data", reason="needs scikit-image, the photograph")


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    photo = data.astronaut()
    return np.stack([photo[::2, ::2], photo[:256, 100:356], photo[::-2, ::2]])


@pytest.fixture
def encoder(networks_dir: Path) -> Iterator[BlazePoseEncoder]:
    with OnnxRuntimeBackend(landmark_onnx(HEAVY, features=needed_outputs())) as backend:
        yield BlazePoseEncoder(backend)


def test_landmarks_are_those_of_the_plain_network(encoder: BlazePoseEncoder, crops: np.ndarray) -> None:
    with OnnxRuntimeBackend(landmark_onnx(HEAVY)) as plain:
        for row, encoding in enumerate(encoder.encode(crops)):
            expected = crop_landmarks(plain.run({INPUT_NAME: landmark_input(crops[row : row + 1])}))
            found = encoding.landmarks
            np.testing.assert_allclose(found.points_px, expected.points_px, atol=0.02)
            np.testing.assert_allclose(found.depth_px, expected.depth_px, atol=0.02)
            np.testing.assert_allclose(found.world_m, expected.world_m, atol=1e-4)
            np.testing.assert_allclose(found.visibility, expected.visibility, atol=1e-3)
            assert found.presence == pytest.approx(expected.presence, abs=1e-4)


def test_each_map_has_its_shape_and_the_crops_differ(encoder: BlazePoseEncoder, crops: np.ndarray) -> None:
    encodings = encoder.encode(crops)
    for name in KEPT_MAPS:
        assert all(encoding.maps[name].shape == shape_of(name) for encoding in encodings)
        assert np.abs(encodings[0].maps[name] - encodings[2].maps[name]).max() > 0.1
    assert encoder.encode(crops[:0]) == []


def test_torch_gives_the_same_sequence(encoder: BlazePoseEncoder, crops: np.ndarray) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from engine.model.blazepose_encoder import BlazePoseImageEncoder, sequence_of

    module = BlazePoseImageEncoder.pretrained()
    found = module(torch.from_numpy(landmark_input(crops)).permute(0, 3, 1, 2))
    assert found.shape == (len(crops), module.positions, module.channels) == (3, 20, 288)
    encodings = encoder.encode(crops)
    stored = {name: torch.from_numpy(np.stack([each.maps[name] for each in encodings])) for name in KEPT_MAPS}
    torch.testing.assert_close(found, sequence_of(stored), atol=2e-3, rtol=1e-4)
    assert not any(weight.requires_grad for weight in module.parameters())


def test_maps_of_unequal_width_make_no_sequence() -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    from engine.model.blazepose_encoder import BlazePoseImageEncoder

    with pytest.raises(ValueError, match=r"equally many channels, got \{'trunk_2': 288, 'pyramid_64': 48\}"):
        BlazePoseImageEncoder.pretrained(maps=("trunk_2", "pyramid_64"))


def test_reading_at_points_is_linear_interpolation_clamped_to_the_border() -> None:
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    ramps = np.stack([columns * 4, rows * 4])  # the value is the pixel itself
    points = np.float32([[0, 0], [100.25, 31.5], [252, 252], [17, 250]])
    np.testing.assert_allclose(at_points(ramps, points), points, atol=1e-4)
    np.testing.assert_allclose(at_points(ramps, [[-50, 300]]), [[0, 252]], atol=1e-4)


def test_heat_at_the_points_is_a_linear_map_of_what_is_read_there(networks_dir: Path, crops: np.ndarray) -> None:
    """So that what is stored of a point holds what the heatmap says of it."""
    with OnnxRuntimeBackend(landmark_onnx(HEAVY, features=(POINT_MAP,))) as backend:
        outputs = backend.run({INPUT_NAME: landmark_input(crops)})
    features = outputs[POINT_MAP].transpose(0, 2, 3, 1).reshape(-1, 48)
    heat = outputs["heatmap"].transpose(0, 2, 3, 1).reshape(-1, 39)
    weights, *_ = np.linalg.lstsq(np.c_[features, np.ones(len(features))], heat, rcond=None)
    assert np.abs(np.c_[features, np.ones(len(features))] @ weights - heat).max() < 0.05


def test_a_network_without_the_map_is_refused(networks_dir: Path) -> None:
    with OnnxRuntimeBackend(landmark_onnx(HEAVY)) as plain:
        with pytest.raises(BackendError, match="without the output 'trunk_2'; make it with features="):
            BlazePoseEncoder(plain)
        with pytest.raises(KeyError, match="no feature map 'logits'; it has backbone_64"):
            BlazePoseEncoder(plain, maps=("logits",))
