"""`di2pose build` end to end: real plans, and errors of one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_graphs import live_of_everything, stored

ROOT = Path(__file__).resolve().parents[2]


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", "build", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    out = tmp_path_factory.mktemp("plans")
    done = build(
        "--library", "tensorrt-rtx", "--precision", "fp16", "--graph", "detector", "--computeCapabilities", "8.6",
        "--maxShapes", "image:4x224x224x3", "--out", str(out), "--json", str(out / "report.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out, json.loads((out / "report.json").read_text())


def test_a_plan_and_its_sidecar_and_a_report_are_written(built: tuple[Path, list[dict[str, object]]]) -> None:
    out, (entry,) = built
    assert sorted(path.name for path in out.iterdir()) == [
        "detector.fp16.sm86.plan",
        "detector.fp16.sm86.plan.json",
        "report.json",
    ]
    card = entry["card"]
    assert isinstance(card, dict) and card["shapes"][0]["max"] == [4, 224, 224, 3]
    assert card == json.loads((out / "detector.fp16.sm86.plan.json").read_text())
    assert card["cpu_parity"][0]["worst"] < 1


def test_inspecting_prints_the_sidecar_and_the_verdict(built: tuple[Path, list[dict[str, object]]]) -> None:
    from engine.runtime.gpu import gpu_here

    shown = build("--inspect", str(built[0] / "detector.fp16.sm86.plan"))
    assert '"target": "sm86"' in shown.stdout
    if gpu_here() is None:
        assert shown.returncode == 1 and "not to be loaded here" in shown.stdout and "nvidia-smi" in shown.stdout


def test_a_dry_run_says_what_would_be_built_and_writes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    done = build(
        "--library", "tensorrt-rtx", "--precision", "mixed", "--graph", "detector", "--graph", "landmark_full",
        "--computeCapabilities", "sm89", "--out", str(tmp_path / "plans"), "--dry-run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0].rpartition("/")[2] for line in done.stdout.splitlines()] == [
        "detector.mixed.sm89.plan",
        "landmark_full.mixed.sm89.plan",
    ]
    assert "1x256x256x3 to 16x256x256x3" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_fused_graph_can_be_rehearsed_with_a_live_model_of_ones_own(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    live = stored(live_of_everything(), tmp_path / "mine.onnx")
    done = build(
        "--library", "tensorrt-rtx", "--precision", "fp16", "--graph", "fused", "--live-graph", str(live),
        "--computeCapabilities", "sm86", "--out", str(tmp_path / "plans"), "--dry-run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fused.fp16.sm86.plan: would be built of mine-" in done.stdout
    assert "crops 1x256x256x3 to 16x256x256x3" in done.stdout and not (tmp_path / "plans").exists()


def test_the_fused_graph_that_cuts_is_rehearsed_for_the_frame_that_was_asked(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    live = stored(live_of_everything(), tmp_path / "mine.onnx")
    done = build(
        "--library", "tensorrt-rtx", "--graph", "fused", "--frame", "320x240", "--live-graph", str(live),
        "--computeCapabilities", "sm86", "--out", str(tmp_path / "plans"), "--dry-run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fused-320x240.fp32.sm86.plan: would be built of mine-320x240-" in done.stdout
    assert "frame 1x240x320x3, place_parts 1x2x2x256 to 16x2x2x256" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "x"], "name the library"),
        (["--library", "tensorrt-rtx", "--out", "x"], "--computeCapabilities"),
        (["--library", "tensorrt-rtx", "--out", "x", "--timingCacheFile", "c"], "cannot do --timingCacheFile"),
        (
            ["--library", "tensorrt-rtx", "--precision", "fp8", "--graph", "detector", "--computeCapabilities", "8.6"],
            "fp8 cannot be built for sm86",
        ),
        (["--inspect", "nowhere.plan"], "no readable sidecar"),
        (
            ["--library", "tensorrt-rtx", "--graph", "fused", "--frame", "big", "--computeCapabilities", "8.6"],
            "--frame: 'big' is no size",
        ),
        (
            ["--library", "tensorrt-rtx", "--frame", "1280x720", "--computeCapabilities", "8.6"],
            "--frame belongs to the fused graph",
        ),
        (
            ["--library", "tensorrt-rtx", "--graph", "fused", "--frame", "9x9", "--computeCapabilities", "8.6"],
            "64 to 8192 pixels along each side, not of 9x9",
        ),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    done = build(*arguments)
    assert done.returncode == 1 and said in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
