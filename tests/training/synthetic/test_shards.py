"""Shards: what is written comes back, the bytes are fixed, and a damaged file is never taken for a whole one."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_source import SmallOpening, SmallSource

from training.synthetic.crop_record import RecordError, encoded
from training.synthetic.render_worker import memory_mb
from training.synthetic.scene import Crop
from training.synthetic.shards import Shard, ShardError, read_shard, write_shard


@pytest.fixture(scope="module")
def source() -> SmallSource:
    return SmallSource(SmallOpening(seed=3))


@pytest.fixture(scope="module")
def crops(source: SmallSource) -> list[Crop]:
    return [source.crop(number) for number in range(12)]


@pytest.fixture
def shard(crops: list[Crop], tmp_path: Path) -> Path:
    write_shard(tmp_path / "crops-00000.tar", crops, first=100)
    return tmp_path / "crops-00000.tar"


def test_the_truth_comes_back_exactly_and_the_picture_nearly(shard: Path, crops: list[Crop]) -> None:
    for before, after in zip(crops, read_shard(shard), strict=True):
        for name in ("joints_mm", "root_mm", "joints_px", "visible", "frame_from_crop"):
            was, now = np.asarray(getattr(before, name)), np.asarray(getattr(after, name))
            assert was.dtype == now.dtype and np.array_equal(was, now), name
        assert after.camera == before.camera and dict(after.about) == dict(before.about)
        assert cv2.PSNR(before.image_rgb, after.image_rgb) > 38


def test_same_crops_same_bytes_and_nothing_of_when_or_who(shard: Path, crops: list[Crop], tmp_path: Path) -> None:
    again = write_shard(tmp_path / "again.tar", crops, first=100)
    content = shard.read_bytes()
    assert again == Shard("again.tar", 12, len(content), hashlib.sha256(content).hexdigest())
    with tarfile.open(shard) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}


def test_tar_and_json_readers_of_others_understand_it(shard: Path) -> None:
    with tarfile.open(shard) as tar:
        names = tar.getnames()
        assert names[:3] == ["000000100.jpg", "000000100.json", "000000101.jpg"]
        fields = json.load(tar.extractfile(names[1]))
    assert {"joints_mm", "root_mm", "joints_px", "visible", "camera", "frame_from_crop", "about"} == fields.keys()


@pytest.mark.slow
def test_webdataset_reads_it_without_our_code(shard: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the library is not installed")
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False).decode("rgb8"))
    assert [sample["__key__"] for sample in samples] == [f"{number:09d}" for number in range(100, 112)]
    assert samples[0]["jpg"].shape == (256, 256, 3) and len(samples[0]["json"]["joints_mm"]) == 17


@pytest.mark.parametrize("cut", [1, 512, 1024, 1025, 20_000])
def test_a_file_that_was_cut_off_is_refused(shard: Path, cut: int) -> None:
    content = shard.read_bytes()
    shard.write_bytes(content[:-cut])
    with pytest.raises(ShardError, match=r"crops-00000.tar.*cut off.*again") as caught:
        list(read_shard(shard))
    assert str(shard) in str(caught.value)


def test_a_file_cut_between_two_crops_is_refused_though_tar_takes_it(shard: Path) -> None:
    with tarfile.open(shard) as tar:
        third = tar.getmembers()[4].offset
    shard.write_bytes(shard.read_bytes()[:third])
    with tarfile.open(shard) as tar:
        assert len(tar.getmembers()) == 4
    with pytest.raises(ShardError, match="cut off"):
        list(read_shard(shard))


@pytest.mark.parametrize(
    ("part", "content", "cause"),
    [
        ("000000000.jpg", b"no picture at all", "no JPEG"),
        ("000000000.jpg", b"", "no JPEG"),
        ("000000000.json", b'{"joints_mm": [', "unreadable"),
        ("000000000.json", b"{}", "joints_mm"),
        ("000000000.json", b"[]", "unreadable"),
        ("000000000.txt", b"", "followed by its truth"),
    ],
)
def test_a_damaged_crop_is_refused(part: str, content: bytes, cause: str, crops: list[Crop], tmp_path: Path) -> None:
    members = dict(zip(("000000000.jpg", "000000000.json"), encoded(crops[0]), strict=True)) | {part: content}
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(ShardError, match=rf"x\.tar.*{cause}"):
        list(read_shard(tmp_path / "x.tar"))


def test_a_damaged_header_and_what_is_no_tar_are_refused(shard: Path, tmp_path: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[3] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(ShardError, match="byte 0: no tar header"):
        list(read_shard(shard))
    shard.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ShardError, match="no tar header"):
        list(read_shard(shard))
    shard.write_bytes(b"")
    with pytest.raises(ShardError, match="cut off"):
        list(read_shard(shard))


def test_numbers_that_are_not_finite_are_not_written(crops: list[Crop], tmp_path: Path) -> None:
    broken = replace(crops[0], root_mm=np.float32([0, np.nan, 0]))
    with pytest.raises(RecordError, match="not finite"):
        write_shard(tmp_path / "x.tar", [crops[1], broken])
    assert list(tmp_path.iterdir()) == []


def test_memory_stays_flat_over_hundreds_of_crops(source: SmallSource, tmp_path: Path) -> None:
    after_mb = []
    for number in range(4):
        path = tmp_path / f"{number}.tar"
        write_shard(path, (source.crop(index) for index in range(60)))
        assert sum(1 for _ in read_shard(path)) == 60
        after_mb.append(memory_mb())
    assert after_mb[-1] - after_mb[1] < 4  # 120 crops are 24 MB as pictures
