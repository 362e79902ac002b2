"""The demo's two halves are processes: neither outlives it, and a half that fails makes it fail."""

from __future__ import annotations

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
    monkeypatch.setattr(demo.subprocess, "Popen", lambda _command: real(stubborn))
    with pytest.raises(KeyboardInterrupt), demo._started(["live"]) as process:
        raise KeyboardInterrupt
    assert process.returncode is not None


def test_a_sender_that_cannot_start_makes_the_demo_fail(tmp_path: Path) -> None:
    environment = {**os.environ, DIRECTORY_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-P", "-m", "tools.cli", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: the sender ended with code" in done.stderr
