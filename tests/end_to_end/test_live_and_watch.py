"""The commands as a user runs them: real processes, real sockets, the bundled clip."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("networks_dir")


def di2pose(*arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tools.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def ended(process: subprocess.Popen, timeout_s: float = 60) -> tuple[str, str]:
    try:
        return process.communicate(timeout=timeout_s)
    finally:
        process.kill()


def lines_of(process: subprocess.Popen, wanted: str, timeout_s: float = 60) -> None:
    """Wait until the process says `wanted` on stderr."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        line = process.stderr.readline()
        if wanted in line:
            return
        if not line and process.poll() is not None:
            break
    pytest.fail(f"never said {wanted!r}")


def test_a_clip_reaches_a_second_process_whole(address):
    count = 150  # more than a second's worth on a fast machine: the skeleton comes once a second
    reader = di2pose("watch", "--connect", address, "--json", "--frames", str(count), "--seconds", "60")
    sender = di2pose("live", "--source", "demo", "--no-view", "--pace", "max", "--loop", "--publish", address)
    out, err = ended(reader)
    sender.send_signal(signal.SIGTERM)
    ended(sender)
    assert sender.returncode == 0
    assert reader.returncode == 0, err
    messages = [json.loads(line) for line in out.splitlines()]
    poses = [message for message in messages if message["kind"] == "pose"]
    assert len(poses) == count
    assert {"skeleton"} <= {message["kind"] for message in messages}
    indices = [pose["frame_index"] for pose in poses]
    assert indices == list(range(indices[0], indices[0] + count))
    assert {person["id"] for pose in poses for person in pose["persons"]} == {1}
    for pose in poses:
        assert pose["published_ns"] >= pose["captured_ns"]
        assert pose["image_wh"] == [640, 480]
        for person in pose["persons"]:
            assert np.isfinite(person["joints_mm"]).all()
            assert person["joints_mm"][0] == [0, 0, 0]
            assert person["spread_mm"][0] == 0 and min(person["spread_mm"][1:]) > 0
            assert person["hypotheses_mm"] is None
            assert len(person["points33"]["points_px"]) == 33


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_line_cleanly(address, how):
    sender = di2pose("live", "--source", "demo", "--no-view", "--loop", "--publish", address)
    lines_of(sender, "reading demo")
    sender.send_signal(how)
    _, err = ended(sender, 20)
    assert sender.returncode == 0
    assert "Traceback" not in err
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", int(address.rpartition(":")[2])))


def test_a_second_publisher_on_the_port_is_told(address):
    first = di2pose("live", "--source", "demo", "--no-view", "--loop", "--publish", address)
    lines_of(first, "publishing")
    second = di2pose("live", "--source", "demo", "--no-view", "--publish", address)
    _, err = ended(second)
    first.send_signal(signal.SIGTERM)
    ended(first)
    assert second.returncode == 1
    assert "another process listens there" in err
    assert "--publish" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--source", "nothing.mp4"), "nothing.mp4"),
        (("--source", "9999"), "camera"),
        (("--source", "demo", "--publish", "tcp:/127.0.0.1"), "tcp:/127.0.0.1"),
        (("--source", "demo", "--publish", "tcp://0.0.0.0:5999"), "--allow-remote"),
        (("--source", "demo", "--estimator", "magic"), "magic"),
        (("--source", "demo", "--camera", "none.toml"), "none.toml"),
        (("--source", "demo", "--fov-deg", "200"), "200"),
        (("--source", "demo", "--config", "none.toml"), "none.toml"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_one(arguments, named, address):
    where = () if "--publish" in arguments else ("--publish", address)
    process = di2pose("live", "--no-view", *where, *arguments)
    _, err = ended(process)
    assert process.returncode == 1
    assert named in err
    assert "error:" in err
    assert "Traceback" not in err


def test_networks_that_are_damaged_are_named(address, tmp_path):
    for name in ("pose_detection.tflite", "pose_landmark_full.tflite"):
        (tmp_path / name).write_bytes(b"not a network")
    environment = os.environ | {"DI2POSE_BLAZEPOSE_DIR": str(tmp_path)}
    process = di2pose("live", "--source", "demo", "--no-view", "--publish", address, env=environment)
    _, err = ended(process)
    assert process.returncode == 1
    assert "pose_" in err and str(tmp_path) in err


def test_without_a_display_the_line_says_so_and_goes_on(address):
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    sender = di2pose(
        "live", "--source", "demo", "--pace", "max", "--frames", "5", "--publish", address, env=environment
    )
    _, err = ended(sender)
    assert sender.returncode == 0
    assert "no window" in err
    assert "5 frames published" in err


def test_track_writes_every_frame_and_an_overlay(tmp_path):
    process = di2pose("track", "demo", "--out", str(tmp_path / "demo.npz"), "--overlay", str(tmp_path / "demo.mp4"))
    _, err = ended(process, 120)
    assert process.returncode == 0, err
    with np.load(tmp_path / "demo.npz") as rows:
        shown = set(rows["frame_index"].tolist())
        assert len(shown) >= 0.95 * 180
        assert set(rows["person_id"].tolist()) == {1}
        assert rows["joints_mm"].shape[1:] == (17, 3)
        assert (rows["joints_mm"][:, 0] == 0).all()
        assert np.isfinite(rows["joints_mm"]).all()
        assert str(rows["skeleton_id"]) == "h36m17/1"
        np.testing.assert_allclose(rows["time_s"], rows["frame_index"] / 30, atol=0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.mp4", "demo.npz"]


def test_bench_reports_stages_and_both_latencies():
    process = di2pose("bench", "--frames", "20", "--engine-runs", "2", "--json", "-")
    out, err = ended(process, 120)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["frames"] == 20
    assert report["received"] == 20
    assert {"detect", "estimate", "publish"} <= set(report["stage_ms"])
    assert report["capture_to_publish_ms"]["p50"] > report["publish_to_receive_ms"]["p50"] > 0
    assert report["capture_to_receive_ms"]["p50"] > report["publish_to_receive_ms"]["p50"]
    assert set(report["backends"]) == {"detector", "landmark", "live"}
    assert {(row["graph"], row["persons"]) for row in report["engines"]} >= {("detector", 1), ("live", 4)}
    assert report["pipeline"]["frames"] == report["pipeline"]["total_ms"]["count"] == 20
