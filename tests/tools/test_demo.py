"""The demo's two halves are processes: neither outlives it, and a half that fails makes it fail."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.blazepose.fetch import DIRECTORY_VARIABLE
from tools import demo

ROOT = Path(__file__).resolve().parents[2]


def test_the_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", demo.free_port()))


def test_no_half_outlives_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    real = subprocess.Popen
    monkeypatch.setattr(demo, "GRACE_S", 0.3)
    monkeypatch.setattr(demo.subprocess, "Popen", lambda _command, **_streams: real(stubborn))
    with pytest.raises(KeyboardInterrupt), demo._started(["live"]) as process:
        raise KeyboardInterrupt
    assert process.returncode is not None


def test_frames_with_a_person_are_counted_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    def pose(index: int, persons: list[dict[str, object]]) -> bytes:
        message = {"kind": "pose", "frame_index": index, "published_ns": index * 10**9, "persons": persons}
        return json.dumps(message).encode() + b"\n"

    someone: dict[str, object] = {"id": 4, "root_mm": [-500.0, 20.0, 3210.0]}
    lines = [
        b'{"kind": "health", "persons": 1}\n',
        pose(1, []),
        pose(2, [someone]),
        pose(3, [someone]),
        b"frames received: 3\n",
    ]
    assert demo._shown(lines) == 2
    said = capsys.readouterr().out
    assert "received frame 2: person 4, pelvis at x -0.50 y +0.02 z 3.21 m" in said
    assert said.endswith("frames received: 3\n")


def test_a_sender_that_cannot_start_makes_the_demo_fail(tmp_path: Path) -> None:
    environment = {**os.environ, DIRECTORY_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-P", "-m", "tools.cli", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: the sender ended with code" in done.stderr
