"""The GPU behind NVIDIA's own binding: what is called, what is given back, what each failure is called.

A stub driver (tests/support/stub_driver.c) stands in where there is no GPU, so that the real binding is called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.runtime.cuda import CudaQueue
from engine.runtime.cuda_error import CudaError, GpuMemoryError, NoDriverError, NoGpuError, cuda_error, is_known
from engine.runtime.gpu import gpu_here

ROOT = Path(__file__).resolve().parents[3]
STUB = ROOT / "tests" / "support" / "stub_driver.c"

ON_THE_STUB = """
import numpy as np
from engine.runtime.cuda import CudaQueue
from engine.runtime.cuda_error import CudaError, GpuMemoryError, NoGpuError

with CudaQueue(0) as queue:
    queue.claim()
    there, here, back = queue.memory(16), queue.pinned(16), queue.pinned(16)
    here[:] = np.arange(16)
    queue.upload(there, here)
    queue.download(back, there)
    queue.wait()
    print("copied", bool((back == here).all()))
    graph = queue.captured(lambda: queue.upload(there, here))
    queue.replay(graph)
    queue.wait()
    queue.drop(graph)
    try:
        queue.captured(lambda: 1 / 0)
    except ZeroDivisionError:
        queue.wait()
        print("capture ended")
    try:
        queue.captured(queue.wait)
    except CudaError as error:
        print(error)
    try:
        queue.memory(1 << 30)
    except GpuMemoryError as error:
        print(error)
try:
    CudaQueue(3).__enter__()
except NoGpuError as error:
    print(error)
"""


def test_the_real_binding_takes_our_calls_and_everything_is_given_back(tmp_path: Path) -> None:
    pytest.importorskip("cuda.bindings.driver", reason="needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler for the stub of the driver")
    library = tmp_path / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, STUB, "-ldl"], check=True)
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", ON_THE_STUB], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["copied True", "graph dropped", "capture ended"]
    assert "STREAM_CAPTURE" in lines[3] and "--no-cuda-graphs" in lines[3]
    assert "OUT_OF_MEMORY" in lines[4] and "--maxShapes" in lines[4]
    assert lines[5:9] == ["pinned freed", "pinned freed", "memory freed", "stream destroyed"]
    assert lines[9] == "context released" and "there is no GPU cuda:3" in lines[10] and "nvidia-smi -L" in lines[10]


def test_without_a_driver_it_says_so() -> None:
    pytest.importorskip("cuda.bindings.driver", reason="needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    if gpu_here() is not None:
        pytest.skip("there is a driver here")
    with (
        pytest.raises(NoDriverError, match="no NVIDIA GPU can be used.*nvidia-smi.*--backend onnxruntime"),
        CudaQueue(),
    ):
        pass


def test_without_the_binding_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cuda.bindings.driver", "cuda.bindings", "cuda"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NoDriverError, match=r"pip install 'di2pose\[gpu\]'"), CudaQueue():
        pass


@pytest.mark.parametrize(
    ("words", "kind", "cure"),
    [
        ("Failed to dlopen libcuda.so.1", NoDriverError, "nvidia-smi"),
        ('Function "cuGraphInstantiate" not found', NoDriverError, "update the NVIDIA driver"),
        ("cudaError 35: CUDA driver version is insufficient for CUDA runtime version", NoDriverError, "update"),
        ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", NoDriverError, "restart the machine"),
        ("CUDA_ERROR_NO_DEVICE", NoGpuError, "CUDA_VISIBLE_DEVICES"),
        ("CUDA_ERROR_INVALID_DEVICE", NoGpuError, "another --device"),
        ("CUDA_ERROR_OUT_OF_MEMORY", GpuMemoryError, "--maxShapes"),
        ("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", CudaError, "--no-cuda-graphs"),
        ("CUDA_ERROR_ILLEGAL_ADDRESS", CudaError, "build the plan again"),
        ("CUDA_ERROR_SOMETHING_NEW", CudaError, "nvidia-smi"),
    ],
)
def test_each_failure_has_its_class_and_cure(words: str, kind: type[CudaError], cure: str) -> None:
    error = cuda_error("loading", words)
    assert type(error) is kind and words in str(error) and cure in str(error)


def test_what_tells_of_the_plan_is_not_taken_for_the_machine() -> None:
    assert is_known("out of memory") and is_known("CUDA driver version is insufficient")
    assert not is_known("Serialization assertion failed: plugin not found")


@pytest.mark.gpu
def test_bytes_come_back_from_a_gpu_and_a_graph_repeats_the_copies() -> None:
    if gpu_here() is None:
        pytest.skip("needs an NVIDIA GPU with a driver")
    pytest.importorskip("cuda.bindings.driver", reason="needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    with CudaQueue() as queue:
        there, here, back = queue.memory(1 << 20), queue.pinned(1 << 20), queue.pinned(1 << 20)

        def copies() -> None:
            queue.upload(there, here)
            queue.download(back, there)

        here[:] = 3
        copies()
        queue.wait()
        assert (back == 3).all()
        graph = queue.captured(copies)
        assert (back == 3).all(), "capturing runs nothing"
        here[:] = np.arange(1 << 20, dtype=np.uint32).astype(np.uint8)
        queue.replay(graph)
        queue.wait()
        assert (back == here).all()
        queue.drop(graph)
        with pytest.raises(GpuMemoryError, match="nvidia-smi"):
            queue.memory(1 << 50)
