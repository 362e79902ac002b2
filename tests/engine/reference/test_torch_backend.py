"""torch as a backend: it says what onnxruntime says, and what is wrong with an input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from engine.reference.torch_backend import TorchBackend  # noqa: E402
from engine.runtime.backend import Backend, BackendError, TensorInfo  # noqa: E402
from engine.runtime.cuda_error import NoDriverError  # noqa: E402
from engine.runtime.device import CPU, FIRST_GPU, Device  # noqa: E402


class Doubling(torch.nn.Module):
    """y = 2 x + bias, z = x; refuses a batch of three."""

    def __init__(self) -> None:
        super().__init__()
        self.two = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if x.shape[0] == 3:
            raise RuntimeError("three are a crowd")
        return self.two * x + bias, x


def doubling(device: Device, *, cuda_graphs: bool = True) -> TorchBackend:
    inputs = (TensorInfo("x", ("batch", 2), "float32"), TensorInfo("bias", (2,), "float32"))
    return TorchBackend(
        "doubling", Doubling(), inputs=inputs, outputs=("y", "z"), device=device, cuda_graphs=cuda_graphs
    )


@pytest.fixture
def opened() -> Iterator[TorchBackend]:
    with doubling(CPU) as backend:
        yield backend


def test_runs_and_describes_itself(opened: TorchBackend) -> None:
    backend: Backend = opened
    assert [info.name for info in backend.inputs] == ["x", "bias"]
    assert backend.outputs == (TensorInfo("y", ("batch", 2), "float32"), TensorInfo("z", ("batch", 2), "float32"))
    bias = np.array([1, 2], np.float32)
    for rows in (1, 4, 4, 2):
        x = np.random.default_rng(rows).random((rows, 2), np.float32)
        np.testing.assert_array_equal(backend.run({"x": x, "bias": bias})["y"], 2 * x + bias)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": np.ones((1, 2), np.float32)}, r"takes the inputs \['bias', 'x'\], got \['x'\]"),
        ({"x": np.ones((1, 3), np.float32), "bias": np.ones(2, np.float32)}, r"'x' must be \('batch', 2\) float32"),
        ({"x": np.ones((1, 2), np.float64), "bias": np.ones(2, np.float32)}, r"got \(1, 2\) float64"),
        ({"x": np.ones((3, 2), np.float32), "bias": np.ones(2, np.float32)}, "three are a crowd.*onnxruntime"),
    ],
)
def test_wrong_input_is_named(opened: TorchBackend, inputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(BackendError, match=message):
        opened.run(inputs)


def test_it_is_used_in_a_with_block() -> None:
    backend = doubling(CPU)
    with pytest.raises(BackendError, match="use the backend in a 'with' block"):
        backend.run({})


def test_without_cuda_a_gpu_is_an_error_with_the_cure() -> None:
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    with pytest.raises(NoDriverError, match="CUDA build of torch.*--device cpu"), doubling(FIRST_GPU):
        pass


@pytest.mark.gpu
def test_on_a_gpu_captured_runs_give_what_plain_ones_give() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU and a CUDA build of torch")
    bias = np.array([1, 2], np.float32)
    with doubling(FIRST_GPU) as graphs, doubling(FIRST_GPU, cuda_graphs=False) as plain:
        for seed, rows in enumerate((1, 4, 4, 4, 4, 2, 2, 2, 4)):
            inputs = {"x": np.random.default_rng(seed).random((rows, 2), np.float32), "bias": bias}
            np.testing.assert_array_equal(graphs.run(inputs)["y"], 2 * inputs["x"] + bias)
            np.testing.assert_array_equal(plain.run(inputs)["y"], 2 * inputs["x"] + bias)
        with pytest.raises(BackendError, match="three are a crowd"):
            graphs.run({"x": np.ones((3, 2), np.float32), "bias": bias})
        np.testing.assert_array_equal(graphs.run(inputs)["y"], 2 * inputs["x"] + bias)
