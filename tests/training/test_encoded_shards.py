"""Encoded sets: the numbers of a direct run, the same bytes for any number of workers, and foreign files refused."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_source import SmallOpening, SmallSource
from tiny_live import encode_small, encoded_recipe

from engine.body.virtual_camera import VirtualView
from engine.runtime.live_numbers import LiveNumbers
from training.encoded_shards import EncodedShards, EncodingError, encodable, read_rows
from training.live_data import EncodedSet, LiveBatch
from training.synthetic.dataset import Dataset, DatasetError
from training.synthetic.encode import crop_encoder
from training.synthetic.rendering import RenderingError, render
from training.synthetic.shards import ShardError
from training.synthetic.stored_source import StoredOpening


def bytes_of(directory: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir() if path.name != ".lock"
    }


@pytest.fixture
def copy(encoded_train: Path, tmp_path: Path) -> Path:
    shutil.copytree(encoded_train, tmp_path / "copy")
    return tmp_path / "copy"


def test_rows_are_those_of_a_direct_run(encoded_train: Path) -> None:
    rows, crop = EncodedSet.open(encoded_train).take([13]), SmallSource(SmallOpening(seed=7)).crop(13)
    view = VirtualView.of(crop.camera, crop.frame_from_crop, 256)
    with crop_encoder() as encoder:
        numbers = LiveNumbers.of(encoder.encode(crop.image_rgb[None])[0], view)
    np.testing.assert_array_equal(rows.points[0], numbers.points)
    np.testing.assert_array_equal(rows.view[0], numbers.view)
    np.testing.assert_allclose(rows.trunk_4[0], numbers.trunk_4, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(rows.joints_mm[0], view.into_view(crop.joints_mm), atol=1e-2)
    np.testing.assert_array_equal(rows.visible[0] > 0, crop.visible)
    seen_px = view.crop_px(rows.true_rays[0])
    np.testing.assert_allclose(
        np.concatenate([seen_px, np.ones((17, 1))], axis=1) @ crop.frame_from_crop.T, crop.joints_px, atol=0.05
    )


def test_an_interrupted_set_continues_to_the_same_bytes_with_other_workers(encoded_train: Path, copy: Path) -> None:
    (copy / "encoded-00001.safetensors").unlink()
    encode_small(copy, split="train", count=24, workers=2)
    assert bytes_of(copy) == bytes_of(encoded_train)


def test_a_shard_that_no_card_lists_is_found_again(encoded_train: Path) -> None:
    path = encoded_train / "encoded-00002.safetensors"
    assert EncodedShards().recovered(path, range(20, 24)).crops == 4
    with pytest.raises(ShardError, match="are not the numbers 0 to 3"):
        EncodedShards().recovered(path, range(4))


def test_stored_pictures_are_encoded_like_drawn_ones(tmp_path: Path, networks_dir: Path) -> None:
    """JPEG is all that lies between."""
    recipe = replace(encoded_recipe("train", 3), crops_per_shard=2)
    render(recipe, tmp_path / "pictures", opening=SmallOpening(seed=7))
    render(recipe, tmp_path / "stored", opening=StoredOpening(tmp_path / "pictures"), form=EncodedShards())
    rows, about = read_rows(tmp_path / "stored" / "encoded-00000.safetensors")
    crop = SmallSource(SmallOpening(seed=7)).crop(1)
    view = VirtualView.of(crop.camera, crop.frame_from_crop, 256)
    np.testing.assert_allclose(rows.joints_mm[1], view.into_view(crop.joints_mm), atol=1e-2)
    assert about[1]["clip"] == "demo"
    with pytest.raises(DatasetError, match="holds encodings and no pictures"):
        Dataset.open(tmp_path / "stored")
    with pytest.raises(DatasetError, match="holds pictures and no encodings; run `di2pose data encode"):
        EncodedSet.open(tmp_path / "pictures")


def test_a_set_of_pictures_is_not_continued_with_encodings(tmp_path: Path, networks_dir: Path) -> None:
    recipe = encoded_recipe("train", 2)
    render(recipe, tmp_path, opening=SmallOpening(seed=7))
    with pytest.raises(RenderingError, match="was begun with encoded_format None, not '2'"):
        render(recipe, tmp_path, opening=SmallOpening(seed=7), form=EncodedShards())


def test_damaged_and_unfinished_sets_are_refused(copy: Path) -> None:
    path = copy / "encoded-00000.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"#" * (len(content) - 100))
    with pytest.raises(ShardError, match="no file of encodings"):
        EncodedSet.open(copy)
    path.write_bytes(content[:-5])
    with pytest.raises(ShardError, match="is cut or changed"):
        EncodedSet.open(copy)
    path.unlink()
    with pytest.raises(ShardError, match="is missing"):
        EncodedSet.open(copy)


def test_crops_cut_to_a_window_are_refused() -> None:
    with pytest.raises(EncodingError, match="192 x 256 cannot be encoded"):
        encodable(replace(encoded_recipe("test", 2), window_wh=(192, 256)))


def test_rows_of_several_folders_follow_one_another(encoded_train: Path, encoded_test: Path) -> None:
    both = EncodedSet.open(encoded_train, encoded_test)
    assert (len(both), both.split, len(both.about)) == (36, "test and train", 36)
    found = both.take([35, 0, 24])
    np.testing.assert_array_equal(found.points[2], EncodedSet.open(encoded_test).take([0]).points[0])
    np.testing.assert_array_equal(found.points[1], EncodedSet.open(encoded_train).take([0]).points[0])
    with pytest.raises(IndexError, match="of 36 crops"):
        both.take([36])
    batch = LiveBatch.of(found)
    assert bool(batch.crops.points_known.all()) and len(LiveBatch.joined([batch, batch])) == 6
