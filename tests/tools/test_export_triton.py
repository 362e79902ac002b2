"""`di2pose export triton` end to end: a repository that Triton's schema reads, and errors of one line."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from engine.build.graphs import GRAPHS, graph_named

ROOT = Path(__file__).resolve().parents[2]


def export(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", "export", "triton", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Path:
    directory = tmp_path_factory.mktemp("triton") / "models"
    done = export(str(directory))
    assert done.returncode == 0, done.stderr
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [
        str(directory / name / "1" / "model.onnx") for name in GRAPHS
    ]
    return directory


@pytest.mark.parametrize("name", GRAPHS)
def test_the_files_are_those_that_a_line_runs(repository: Path, name: str) -> None:
    content = (repository / name / "1" / "model.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == graph_named(name).sha256


@pytest.mark.parametrize(("name", "rows"), [("detector", 16), ("landmark", 16), ("live", 0)])
def test_tritons_schema_reads_every_config(repository: Path, name: str, rows: int) -> None:
    pytest.importorskip("tritonclient.grpc", reason="Triton's schema is in the extra: pip install 'di2pose[triton]'")
    from triton_peer import config_in

    config = config_in(repository, name)
    assert (config.name, config.platform, config.max_batch_size) == (name, "onnxruntime_onnx", rows)
    assert config.HasField("dynamic_batching") == bool(rows)
    assert {entry.name: list(entry.dims) for entry in config.input} == {
        info.name: [size if isinstance(size, int) else -1 for size in (info.shape[1:] if rows else info.shape)]
        for info in graph_named(name).inputs
    }


def test_a_named_graph_alone_and_a_smaller_batch(tmp_path: Path, networks_dir: Path) -> None:
    done = export(str(tmp_path / "models"), "--graph", "detector", "--max-batch", "4")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == ["detector"]
    assert "max_batch_size: 4" in (tmp_path / "models" / "detector" / "config.pbtxt").read_text()


def test_the_fused_graph_is_served_when_it_is_named(tmp_path: Path, networks_dir: Path) -> None:
    pytest.importorskip("tritonclient.grpc", reason="Triton's schema is in the extra: pip install 'di2pose[triton]'")
    from triton_peer import config_in

    done = export(str(tmp_path / "models"), "--graph", "fused")
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "models" / "fused" / "1" / "model.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == graph_named("fused").sha256
    config = config_in(tmp_path / "models", "fused")
    inputs = {entry.name: list(entry.dims) for entry in config.input}
    assert config.max_batch_size == 0 and inputs["crops"] == [-1, 256, 256, 3] and len(inputs) == 6


def test_what_is_wrong_is_one_line_and_leaves_nothing(tmp_path: Path, networks_dir: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for arguments, said in (
        ([str(tmp_path / "mine")], "was not written by `di2pose export triton`"),
        ([str(tmp_path / "new"), "--graph", "nobody"], "there is no graph 'nobody'"),
        ([str(tmp_path / "new"), "--graph", "fused-640x480"], "takes crops instead of frames, with --graph fused"),
        ([str(tmp_path / "new"), "--plans", str(tmp_path / "mine")], "holds no plan detector.*.plan"),
        ([str(tmp_path / "new"), "--live-graph", str(tmp_path / "mine" / "letter.txt")], "no complete ONNX graph"),
    ):
        done = export(*arguments)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]


def test_a_plan_of_tensorrt_for_rtx_is_refused_by_name(tmp_path: Path, networks_dir: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="building plans needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    plans = tmp_path / "plans"
    build = [sys.executable, "-P", "-m", "tools.cli", "build", "--library", "tensorrt-rtx", "--graph", "detector"]
    built = subprocess.run(
        [*build, "--computeCapabilities", "8.6", "--out", str(plans)], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    done = export(str(tmp_path / "models"), "--plans", str(plans), "--graph", "detector")
    assert done.returncode == 1 and "it is a plan of tensorrt-rtx" in done.stderr
    assert "di2pose build --library tensorrt --graph detector" in done.stderr
    assert not (tmp_path / "models").exists()
