"""Laws of the onnxruntime backend: what it runs, and what it says to wrong input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.runtime.backend import Backend, BackendError, TensorInfo
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """A network y = x + x on (batch, 3) float32."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "doubling.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_and_describes_itself(doubling: Path, threads: int) -> None:
    backend: Backend = OnnxRuntimeBackend(doubling, threads)
    with backend:
        assert backend.inputs == (TensorInfo("x", ("batch", 3), "float32"),)
        assert backend.outputs == (TensorInfo("y", ("batch", 3), "float32"),)
        for rows in (1, 4):
            x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
            np.testing.assert_array_equal(backend.run({"x": x})["y"], 2 * x)


def test_can_be_entered_again(doubling: Path) -> None:
    backend = OnnxRuntimeBackend(doubling)
    for _ in range(2):
        with backend:
            assert backend.run({"x": np.ones((1, 3), np.float32)})["y"].sum() == 6
        with pytest.raises(BackendError, match="not loaded; use the backend in a 'with' block"):
            backend.run({"x": np.ones((1, 3), np.float32)})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": np.ones((1, 3), np.float32)}, r"takes the inputs \['x'\], got \['z'\]"),
        ({}, r"takes the inputs \['x'\], got \[\]"),
        ({"x": np.ones((1, 4), np.float32)}, r"'x' must be \('batch', 3\) float32, got \(1, 4\) float32"),
        ({"x": np.ones(3, np.float32)}, r"got \(3,\) float32"),
        ({"x": np.ones((1, 3), np.float64)}, r"got \(1, 3\) float64"),
    ],
)
def test_wrong_input_is_named(doubling: Path, inputs: dict[str, np.ndarray], message: str) -> None:
    with OnnxRuntimeBackend(doubling) as backend, pytest.raises(BackendError, match=message):
        backend.run(inputs)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(BackendError, match=r"there is no network .*nowhere\.onnx"),
        OnnxRuntimeBackend(tmp_path / "nowhere.onnx"),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x09" * 500])
def test_corrupt_file_is_named_with_the_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "corrupt.onnx"
    path.write_bytes(content)
    with pytest.raises(BackendError, match=r"corrupt\.onnx is not a network .* delete it"), OnnxRuntimeBackend(path):
        pass


def test_half_a_network_is_refused(doubling: Path) -> None:
    doubling.write_bytes(doubling.read_bytes()[:40])
    with pytest.raises(BackendError, match="is not a network"), OnnxRuntimeBackend(doubling):
        pass


def test_threads_must_be_positive(doubling: Path) -> None:
    with pytest.raises(BackendError, match="threads must be at least 1, got 0"):
        OnnxRuntimeBackend(doubling, 0)
