"""`di2pose data check`: what is found, what is missing and where to get it, why a file is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from research_files import human36m_npz, regressor_npy, smpl_npz, threedpw_content, threedpw_file
from typer.testing import CliRunner

from tools import cli
from tools.data import app
from training.data_check import SOURCES, check
from training.data_directory import DataDirectory, DataDirectoryError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A data directory with everything but CMU's recordings."""
    data = tmp_path / "data"
    human36m_npz(data / "human36m" / "data_3d_h36m.npz")
    for split in ("train", "validation", "test"):
        threedpw_file(data / "3dpw", threedpw_content(), split=split)
    for name in ("SMPL_MALE.npz", "SMPL_FEMALE.npz"):
        smpl_npz(data / "smpl" / name)
    regressor_npy(data / "smpl" / "J_regressor_h36m.npy")
    for folder, name, start in (("avatars", "a.glb", b"glTF"), ("backgrounds", "b.jpg", b"\xff\xd8\xff")):
        (data / folder).mkdir()
        (data / folder / name).write_bytes(start + b"more")
    return data


def lines(data: Path, status: str) -> dict[str, str]:
    found = [finding for finding in check(DataDirectory(data)) if finding.status == status]
    return {part: " | ".join(one.text for one in found if one.part == part) for part in {one.part for one in found}}


def test_an_empty_directory_says_where_everything_comes_from(tmp_path: Path) -> None:
    findings = check(DataDirectory(tmp_path))
    assert {finding.part for finding in findings} == set(SOURCES)
    assert {finding.status for finding in findings} == {"missing"}
    done = CliRunner().invoke(app, ["check", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 0
    for address in ("vision.imar.ro/human3.6m", "3DPW", "mocap.cs.cmu.edu", "VALID", "polyhaven.com", "smpl.is.tue"):
        assert address in done.output


def test_what_is_there_is_counted(full: Path) -> None:
    found = lines(full, "found")
    assert "3 recordings of S1, S11" in found["human36m"]
    assert "test: 1 sequences, 2 people, 1 sequences of 3DPW-Occ" in found["3dpw"]
    assert "SMPL_MALE.npz" in found["smpl"]
    assert found["avatars"] == "1 avatars"
    assert lines(full, "refused") == {}


def test_refused_files_are_named_with_the_reason_and_end_with_one(full: Path) -> None:
    np.savez(full / "human36m" / "data_3d_h36m.npz", positions_3d={"S1": {"Walking": np.ones((3, 20, 3), np.float32)}})
    threedpw_file(full / "3dpw", threedpw_content() | {"sequence": "bad_00", "cam_intrinsics": np.zeros((3, 3))})
    (full / "avatars" / "c.glb").write_bytes(b"<html>")
    refused = lines(full, "refused")
    assert "data_3d_h36m.npz: S1/Walking" in refused["human36m"]
    assert "bad_00.pkl: cam_intrinsics" in refused["3dpw"]
    assert "c.glb" in refused["avatars"]
    assert "2 people" in lines(full, "found")["3dpw"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", "check", str(full)])
    assert ended.value.code == 1


def test_every_refused_recording_is_listed(full: Path, shared_dir: Path) -> None:
    motion = full / "motion"
    motion.mkdir()
    for name in ("09_01", "09_02"):
        text = (shared_dir / "data" / "mocap_cmu" / f"{name}.bvh").read_text()
        (motion / f"{name}.bvh").write_text(text[: len(text) // 2])
    shutil.copy(shared_dir / "data" / "mocap_cmu" / "09_03.bvh", motion)
    refused = lines(full, "refused")["motion"]
    assert "09_01.bvh, line" in refused
    assert "09_02.bvh, line" in refused
    assert "09_03" not in refused


def test_json_has_the_same_findings(full: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(full), "--json"], standalone_mode=False)
    report = json.loads(done.output)
    assert report["directory"] == str(full)
    assert {"part", "status", "text", "address"} == set(report["findings"][0])
    assert {finding["status"] for finding in report["findings"]} <= {"found", "missing", "refused"}


def test_a_missing_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DI2POSE_DATA", raising=False)
    with pytest.raises(DataDirectoryError, match=r"nowhere is no directory; docs/data\.md"):
        DataDirectory.find(tmp_path / "nowhere")
    with pytest.raises(DataDirectoryError, match="--data DIR"):
        DataDirectory.find(None)


def test_the_shared_recordings_are_found(shared_dir: Path) -> None:
    found = lines(shared_dir / "data", "found")
    assert "142 clips, 36892 frames" in found["motion"]
    assert found["avatars"] == "84 avatars"
