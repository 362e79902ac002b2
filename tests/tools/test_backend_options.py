"""`--backend`, `--device` and `--engines` on the command line: what is wrong is one line with the cure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtime.gpu import gpu_here
from realtime.backends import BACKENDS
from tools.backend_options import BackendName

ROOT = Path(__file__).resolve().parents[2]


def track(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", "track", "realtime/demo.mp4", "--out", str(directory / "p.npz")]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_line_offers_what_there_is() -> None:
    assert tuple(BackendName) == BACKENDS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "gpu"], "--device: 'gpu' is no device"),
        (["--backend", "onnxruntime", "--device", "cuda:0"], "onnxruntime runs on the CPU here, not on cuda:0"),
        (["--backend", "tensorrt", "--device", "cpu"], "not on cpu"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = track(tmp_path, *arguments)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_an_explicit_choice_without_a_gpu_says_what_is_missing(tmp_path: Path) -> None:
    if gpu_here() is not None:
        pytest.skip("there is a GPU here")
    done = track(tmp_path, "--backend", "tensorrt-rtx", "--engines", str(tmp_path))
    assert done.returncode == 1 and "no NVIDIA GPU cuda:0 is usable here" in done.stderr
    assert list(tmp_path.iterdir()) == []
