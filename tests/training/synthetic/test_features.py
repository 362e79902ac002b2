"""Laws: what is read back is what a direct run gives; a damaged or foreign file is refused; a run can go on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.blazepose.landmarks import crop_landmarks
from engine.blazepose.networks import INPUT_NAME, eight_bit_landmark_onnx
from engine.blazepose.warp import landmark_input
from engine.runtime.blazepose_encoder import BlazePoseEncoder, needed_outputs
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from training.synthetic.encode import EncodedCrops, crop_encoder, encode
from training.synthetic.features import FeatureFileError, StoredFeatures, store_features

CROPS_ID = "squats/1"


@pytest.fixture
def stored(squats: list[np.ndarray], encoder: BlazePoseEncoder, tmp_path: Path) -> Path:
    """Seven crops in shards of three."""
    store_features(squats[:7], tmp_path, encoder=encoder, crops_id=CROPS_ID, shard_crops=3)
    return tmp_path


def shards(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.safetensors"))


def test_stored_features_are_those_of_a_direct_run(
    stored: Path, squats: list[np.ndarray], encoder: BlazePoseEncoder
) -> None:
    features = StoredFeatures.open(stored, crops_id=CROPS_ID)
    assert (len(features), features.crops_id, len(shards(stored))) == (7, CROPS_ID, 3)
    rows = [6, 0, 3, 3]
    taken, direct = features.take(rows), encode([squats[row] for row in rows], encoder)
    for name, values in direct.arrays().items():
        np.testing.assert_array_equal(taken.arrays()[name], values, err_msg=name)
    assert len(features.take([])) == 0


def test_landmarks_are_those_of_the_product(stored: Path, squats: list[np.ndarray]) -> None:
    taken = StoredFeatures.open(stored).take([2])
    with OnnxRuntimeBackend(eight_bit_landmark_onnx(features=needed_outputs())) as backend:
        expected = crop_landmarks(backend.run({INPUT_NAME: landmark_input(squats[2][None])}))
    np.testing.assert_allclose(taken.points_px[0], expected.points_px, atol=0.02)
    np.testing.assert_allclose(taken.world_m[0], expected.world_m, atol=1e-4)
    np.testing.assert_allclose(taken.visibility[0], expected.visibility, atol=2e-3)


def test_a_hundred_thousand_crops_fit_into_two_gigabytes(stored: Path) -> None:
    assert shards(stored)[0].stat().st_size / 3 * 100_000 < 2.2e9


def test_half_precision_loses_little(squats: list[np.ndarray], encoder: BlazePoseEncoder) -> None:
    exact = encoder.encode(squats[0][None])[0]
    kept = EncodedCrops.of([exact])
    for name, values in exact.maps.items():
        np.testing.assert_allclose(kept.maps[name][0], values, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="no crops to encode"):
        EncodedCrops.of([])


def test_an_interrupted_run_goes_on_behind_its_last_shard(
    stored: Path, squats: list[np.ndarray], encoder: BlazePoseEncoder
) -> None:
    whole = {path.name: path.read_bytes() for path in shards(stored)}
    shards(stored)[-1].unlink()
    kept_ns = shards(stored)[0].stat().st_mtime_ns
    seen: list[int] = []
    count = store_features(
        iter(squats[:7]), stored, encoder=encoder, crops_id=CROPS_ID, shard_crops=3, report=seen.append
    )
    assert (count, seen) == (7, [3, 6, 7])
    assert {path.name: path.read_bytes() for path in shards(stored)} == whole
    assert shards(stored)[0].stat().st_mtime_ns == kept_ns


def test_shards_of_other_crops_are_not_continued(
    stored: Path, squats: list[np.ndarray], encoder: BlazePoseEncoder
) -> None:
    with pytest.raises(FeatureFileError, match="crops_id: 'squats/1', expected 'squats/2'; delete it"):
        store_features(squats, stored, encoder=encoder, crops_id="squats/2")
    with pytest.raises(FeatureFileError, match="holds more than the 2 images"):
        store_features(squats[:2], stored, encoder=encoder, crops_id=CROPS_ID)
    with pytest.raises(FeatureFileError, match="crops_id"):
        StoredFeatures.open(stored, crops_id="squats/2")
    with crop_encoder(("trunk_2",)) as other, pytest.raises(FeatureFileError, match="maps: trunk_2, trunk_4, expected"):
        store_features(squats, stored, encoder=other, crops_id=CROPS_ID)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.999])
def test_a_file_cut_off_is_refused(stored: Path, part: float) -> None:
    path = shards(stored)[1]
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(FeatureFileError, match=r"features-00000003\.safetensors: .*delete it and encode"):
        StoredFeatures.open(stored)


def test_a_turned_bit_is_refused(stored: Path) -> None:
    path = shards(stored)[0]
    content = bytearray(path.read_bytes())
    content[-1000] ^= 4
    path.write_bytes(content)
    with pytest.raises(FeatureFileError, match="the numbers are damaged"):
        StoredFeatures.open(stored)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("network", "0" * 64, "features of another landmark network"),
        ("format_version", "99", "'99', this version reads 2"),
        ("first", "4", "'4', expected '3'"),
    ],
)
def test_a_foreign_header_is_refused(stored: Path, field: str, value: str, text: str) -> None:
    path = shards(stored)[1]
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["features"] = json.dumps(json.loads(header["__metadata__"]["features"]) | {field: value})
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    with pytest.raises(FeatureFileError, match=text):
        StoredFeatures.open(stored)


def test_missing_shards_and_rows_are_named(stored: Path, tmp_path: Path) -> None:
    features = StoredFeatures.open(stored)
    with pytest.raises(IndexError, match=r"rows 2\.\.7 of 7 crops"):
        features.take([2, 7])
    shards(stored)[1].unlink()
    with pytest.raises(FeatureFileError, match="first: '6', expected '3'"):
        StoredFeatures.open(stored)
    with pytest.raises(FeatureFileError, match="no stored features; encode the crops first"):
        StoredFeatures.open(tmp_path / "empty")
