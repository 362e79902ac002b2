"""Listing cameras, and what a missing one says."""

import os
from pathlib import Path

import pytest

from realtime.cameras import camera_hint, camera_names, list_cameras
from realtime.frame_source import SourceError, SourceOptions
from realtime.sources import open_source


def sysfs_with(tmp_path: Path, nodes: dict[str, tuple[str, str]]) -> Path:
    for node, (name, index) in nodes.items():
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(name + "\n")
        (tmp_path / node / "index").write_text(index + "\n")
    return tmp_path


def test_missing_camera_names_cause_and_cure() -> None:
    with pytest.raises(SourceError, match="camera 99 cannot be opened") as caught, open_source("99", SourceOptions()):
        pass
    assert "amera" in caught.value.cure


def test_linux_names_leave_out_metadata_nodes(tmp_path: Path) -> None:
    nodes = {"video90": ("Webcam", "0"), "video91": ("Webcam", "1"), "video100": ("Grabber", "0")}
    assert camera_names(sysfs_with(tmp_path, nodes)) == {90: "Webcam", 100: "Grabber"}


def test_listed_camera_that_does_not_open_has_a_hint(tmp_path: Path) -> None:
    cameras = list_cameras(sysfs_with(tmp_path, {"video90": ("Webcam", "0")}), tmp_path / "dev")
    assert [(camera.index, camera.name, camera.works) for camera in cameras] == [(90, "Webcam", False)]
    assert "plug the camera in" in cameras[0].hint


def test_no_cameras_is_an_empty_list(tmp_path: Path) -> None:
    assert list_cameras(tmp_path / "absent") == ()


def test_hints_tell_absent_from_forbidden_from_busy(tmp_path: Path) -> None:
    device = tmp_path / "video7"
    assert "no " in camera_hint(7, platform="linux", devices=tmp_path)
    device.touch(mode=0o600)
    assert "in use by another program" in camera_hint(7, platform="linux", devices=tmp_path)
    assert "Privacy & Security" in camera_hint(7, platform="darwin", devices=tmp_path)
    assert "Privacy & security" in camera_hint(7, platform="win32", devices=tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open any device")
def test_forbidden_device_names_the_group(tmp_path: Path) -> None:
    (tmp_path / "video7").touch(mode=0o000)
    assert "usermod -aG video" in camera_hint(7, platform="linux", devices=tmp_path)
