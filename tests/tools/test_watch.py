"""`watch` as people and scripts run it: a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq.auth

from realtime.publisher import CurveServer, Publisher

ROOT = Path(__file__).resolve().parents[2]
WATCH = [sys.executable, "-c", "import typer; from tools.watch import watch; typer.run(watch)"]
NOBODY = "tcp://127.0.0.1:9"


def started(*arguments: str, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.Popen([*WATCH, *arguments], text=True, env=environment, **options)


def finished(*arguments: str) -> tuple[int, str, str]:
    process = started(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_json_is_one_line_per_message(live_stream):
    code, out, err = finished("--connect", live_stream.address, "--json", "--frames", "30", "--seconds", "60")
    lines = [json.loads(line) for line in out.splitlines()]
    poses = [line for line in lines if line["kind"] == "pose"]
    assert code == 0, err
    assert len(poses) == 30 and len(poses[0]["persons"][0]["joints_mm"]) == 17


def test_the_summary_says_what_was_received(live_stream):
    code, out, err = finished("--connect", live_stream.address, "--frames", "30", "--seconds", "60", "--summary")
    assert code == 0, err
    assert "frames received: 30," in out and "persons: 2" in out
    assert "capture-to-receive: p50" in out and "drops: 2 at the source, 0 lost" in out


def test_silence_fails_and_says_what_to_start():
    code, out, err = finished("--connect", NOBODY, "--json", "--seconds", "0.5")
    assert (code, out) == (1, "")
    assert f"waiting for a publisher at {NOBODY}" in err and "is `di2pose live` running there?" in err


@pytest.mark.parametrize("address", ["5870", "tcp://nowhere"])
def test_a_malformed_address_is_quoted_without_a_traceback(address: str):
    code, _, err = finished("--connect", address)
    assert code == 1
    assert repr(address) in err and "Traceback" not in err


def test_an_encrypted_stream_is_read_with_the_publishers_key(tmp_path, pose_message):
    _, secret = zmq.auth.create_certificates(tmp_path, "server")
    with Publisher("tcp://127.0.0.1:*", curve=CurveServer(secret)) as publisher:
        key = str(tmp_path / "server.key")
        arguments = ("--connect", publisher.address, "--server-key", key, "--frames", "5", "--seconds", "60", "--json")
        process = started(*arguments, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            publisher.send(pose_message())
            time.sleep(0.01)
    assert process.returncode == 0


def test_a_missing_key_is_named():
    code, _, err = finished("--server-key", "missing.key")
    assert code == 1
    assert "missing.key" in err and "Traceback" not in err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_cleanly_with_the_summary(live_stream, ending: signal.Signals):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = started("--connect", live_stream.address, "--json", "--summary", **pipes)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.send_signal(ending)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "frames received" in err and "Traceback" not in err


def test_a_reader_that_leaves_ends_it_cleanly(live_stream):
    process = started("--connect", live_stream.address, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def on_a_terminal(*arguments: str) -> str:
    ours, theirs = pty.openpty()
    process = started(*arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the terminal closed with its process
            break
    process.wait(timeout=60)
    os.close(ours)
    return shown.decode()


def test_the_table_on_a_terminal_shows_people_rate_latency_and_drops(live_stream):
    shown = on_a_terminal("--connect", live_stream.address, "--frames", "250", "--seconds", "60")
    for expected in ("tracked", "per second", "capture to receive  p50", "capture to publish  p50", "drops 2"):
        assert expected in shown


def test_the_terminal_says_what_it_waits_for():
    assert f"waiting for a publisher at {NOBODY}" in on_a_terminal("--connect", NOBODY, "--seconds", "0.5")
