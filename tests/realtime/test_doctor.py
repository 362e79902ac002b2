"""The doctor says what is so, on a machine prepared for it: real sockets, real files, real processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from engine.blazepose.fetch import DIRECTORY_VARIABLE, NETWORK_FILES
from realtime import doctor
from realtime.cameras import CameraInfo
from realtime.machine import is_port_free, port_holder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def listener() -> object:
    """A socket of this process that listens on some port."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    return tmp_path / "cache"


def test_a_held_port_is_seen_and_its_holder_named(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert not is_port_free(port)
    (finding,) = doctor.check_port(port)
    assert finding.state == "absent"
    assert str(port + 1) in finding.cure
    if sys.platform == "linux":
        assert port_holder(port) is not None
        assert f"pid {os.getpid()}" in finding.text


def test_a_free_port_works(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert [finding.state for finding in doctor.check_port(port)] == ["works"]
    assert port_holder(port) is None


def test_missing_networks_fail_and_the_cure_fetches_them(cache: Path) -> None:
    findings = list(doctor.check_networks())
    assert [finding.state for finding in findings] == ["fails"] * len(NETWORK_FILES)
    assert {finding.cure for finding in findings} == {"di2pose fetch"}


def test_damaged_networks_fail(cache: Path) -> None:
    (cache / "blazepose").mkdir(parents=True)
    for file in NETWORK_FILES:
        (cache / "blazepose" / file.name).write_bytes(b"half a download")
    assert all("damaged" in finding.text for finding in doctor.check_networks())


def test_fetched_networks_work(networks_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(networks_dir))
    assert {finding.state for finding in doctor.check_networks()} == {"works"}


def test_a_cache_that_cannot_be_made_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "file" / "cache"))
    (finding,) = doctor.check_cache()
    assert finding.state == "fails"
    assert "DI2POSE_CACHE" in finding.cure


def test_a_writable_cache_works(cache: Path) -> None:
    assert [finding.state for finding in doctor.check_cache()] == ["works"]
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("build", "windows"), [("  GUI:                           QT5\n", True), ("  GUI:    NONE\n", False), ("", False)]
)
def test_window_support_is_read_from_the_build(build: str, windows: bool) -> None:
    assert doctor.can_show_windows(build) is windows


def test_window_support_of_this_build_is_stated() -> None:
    assert "GUI:" in cv2.getBuildInformation()


@pytest.mark.parametrize(
    ("cameras", "states"),
    [
        ((), ["absent"]),
        (
            (CameraInfo(0, "Webcam", (640, 480), True, ""), CameraInfo(2, "Busy", None, False, "end it")),
            ["works", "absent"],
        ),
    ],
    ids=["none", "one of two"],
)
def test_cameras_never_stop_the_line(
    cameras: tuple[CameraInfo, ...], states: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.cameras.list_cameras", lambda: cameras)
    findings = list(doctor.check_cameras())
    assert [finding.state for finding in findings] == states
    assert all(finding.cure for finding in findings if finding.state == "absent")


def test_optional_backends_never_stop_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OPTIONAL_BACKENDS", {"there_is_no_such_library": "nowhere"})
    assert doctor.can_run_live(list(doctor.check_backends()))


def test_a_backend_that_breaks_on_import_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_backend.py").write_text("raise ImportError('libnvinfer.so.11 is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(doctor, "OPTIONAL_BACKENDS", {"broken_backend": "nowhere"})
    finding = list(doctor.check_backends())[-1]
    assert finding.state == "absent"
    assert "libnvinfer.so.11 is missing" in finding.text


def run_doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", "doctor", *options]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_exit_code_and_json_say_whether_the_line_can_run(tmp_path: Path, networks_dir: Path) -> None:
    without = run_doctor("--json", DI2POSE_CACHE=str(tmp_path))
    assert without.returncode == 1
    assert json.loads(without.stdout)["can_run_live"] is False
    environment = {"DI2POSE_CACHE": str(tmp_path), DIRECTORY_VARIABLE: str(networks_dir)}
    ready = run_doctor("--json", **environment)
    assert ready.returncode == 0, ready.stdout
    assert {finding["state"] for finding in json.loads(ready.stdout)["findings"]} <= {"works", "absent"}


def test_the_text_ends_with_the_verdict(tmp_path: Path) -> None:
    shown = run_doctor(DI2POSE_CACHE=str(tmp_path))
    assert "-> di2pose fetch" in shown.stdout
    assert "cannot run" in shown.stdout.splitlines()[-1]
