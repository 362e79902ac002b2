"""Laws on real crops: a set is near itself, blur and noise lie further and further away."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.runtime.blazepose_encoder import BlazePoseEncoder
from training.synthetic import closeness
from training.synthetic.pictures import CropPictureError, crop_pictures, write_crop

MAPS = ("trunk_2 mean", "trunk_4 mean+std")


def halves_at_random(images: list[np.ndarray]) -> list[list[np.ndarray]]:
    order = np.random.default_rng(0).permutation(len(images))
    return [[images[row] for row in order[half::2]] for half in (0, 1)]


@pytest.fixture
def encoder(full_encoder: BlazePoseEncoder) -> BlazePoseEncoder:
    return full_encoder


def test_a_set_is_no_distance_from_itself(drawn: list[np.ndarray], encoder: BlazePoseEncoder) -> None:
    one, other = (closeness.pooled(half, encoder) for half in halves_at_random(drawn))
    for row in closeness.compared(one, {"other half": other}, reference=closeness.joined([one, other])):
        assert abs(row.kernel.value) < 3 * row.kernel.error, row


def test_the_distance_grows_with_blur(squats: list[np.ndarray], encoder: BlazePoseEncoder) -> None:
    some = squats[:16]
    real = closeness.pooled(some, encoder)
    sets = {str(px): closeness.pooled(closeness.blurred(some, px), encoder) for px in (1.0, 4.0)}
    sets["noise"] = closeness.pooled(closeness.noise(8, np.random.default_rng(0)), encoder)
    rows = {(row.features, row.name): row.kernel.value for row in closeness.compared(real, sets)}
    for features in MAPS:
        found = [rows[features, name] for name in ("1.0", "4.0", "noise")]
        assert found == sorted(found), features


def test_pooling_keeps_one_row_for_each_crop(squats: list[np.ndarray], encoder: BlazePoseEncoder) -> None:
    found = closeness.pooled(iter(squats[:3]), encoder)
    assert {name: values.shape for name, values in found.items()} == {
        "trunk_2 mean": (3, 288), "trunk_2 mean+std": (3, 576), "trunk_4 mean": (3, 288), "trunk_4 mean+std": (3, 576),
    }  # fmt: skip
    expected = encoder.encode(squats[1][None])[0].maps["trunk_4"].mean(axis=(1, 2))
    np.testing.assert_allclose(found["trunk_4 mean"][1], expected, atol=1e-5)
    with pytest.raises(ValueError, match="no crops to compare"):
        closeness.pooled([], encoder)


def test_the_command_compares_directories(
    squats: list[np.ndarray], drawn: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in range(6):
        write_crop(tmp_path / "real" / "squats" / f"{row}.png", squats[row])
        write_crop(tmp_path / "drawn" / f"{row}.png", drawn[row])
    np.testing.assert_array_equal(next(crop_pictures(tmp_path / "drawn")), drawn[0])
    out = tmp_path / "rows.json"
    places = ["--real", str(tmp_path / "real"), "--crops", str(tmp_path / "drawn")]
    monkeypatch.setattr(sys, "argv", ["closeness", *places, "--map", "trunk_2", "--json", str(out)])
    closeness.main()
    rows = json.loads(out.read_text())
    assert {row["crops"] for row in rows} == {
        "real: second halves against first", "real, blurred by 1 px", "real, blurred by 2 px", "real, blurred by 4 px",
        "noise", str(tmp_path / "drawn"),
    }  # fmt: skip
    assert {row["features"] for row in rows} == {"trunk_2 mean", "trunk_2 mean+std"}


def test_directories_without_crops_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CropPictureError, match="no pictures of crops; name the directory"):
        next(crop_pictures(tmp_path))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(CropPictureError, match=r"broken\.png: content: no picture that can be read"):
        next(crop_pictures(tmp_path))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        write_crop(tmp_path / "file" / "crop.png", np.zeros((256, 256, 3), np.uint8))
