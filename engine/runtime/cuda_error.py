"""What can go wrong between this process and an NVIDIA GPU, each with its cure."""

from __future__ import annotations

from engine.runtime.backend import BackendError


class CudaError(BackendError):
    """The GPU or its driver refused something; the text names what, the driver's own words and the cure."""


class NoDriverError(CudaError):
    """There is no NVIDIA driver, or it is older than the library needs, or the binding to it is not installed."""


class NoGpuError(CudaError):
    """The driver is there and the GPU that was asked for is not."""


class GpuMemoryError(CudaError):
    """The GPU's memory is used up."""


_DRIVER_CURE = (
    "install or update the NVIDIA driver until `nvidia-smi` shows the GPU, or leave the GPU out: --backend onnxruntime"
)
_CAUSES: tuple[tuple[str, type[CudaError], str], ...] = (
    ("driver version is insufficient", NoDriverError, _DRIVER_CURE),
    ("DRIVER_MISMATCH", NoDriverError, "restart the machine, as the driver was updated under the running one"),
    ("COMPAT_NOT_SUPPORTED", NoDriverError, _DRIVER_CURE),
    ("not found", NoDriverError, _DRIVER_CURE),
    ("Failed to dlopen", NoDriverError, _DRIVER_CURE),
    ("Failed to get", NoDriverError, _DRIVER_CURE),
    ("driver library", NoDriverError, _DRIVER_CURE),
    ("STUB_LIBRARY", NoDriverError, _DRIVER_CURE),
    ("NO_DEVICE", NoGpuError, "check CUDA_VISIBLE_DEVICES and `nvidia-smi`"),
    ("no CUDA-capable device", NoGpuError, "check CUDA_VISIBLE_DEVICES and `nvidia-smi`"),
    ("INVALID_DEVICE", NoGpuError, "choose another --device; `nvidia-smi -L` lists them from cuda:0 on"),
    ("DEVICE_UNAVAILABLE", NoGpuError, "end the program that holds the GPU alone; `nvidia-smi` shows it"),
    (
        "out of memory",
        GpuMemoryError,
        "end other programs on the GPU (`nvidia-smi` lists them), or build plans for fewer persons with --maxShapes",
    ),
    ("CAPTURE", CudaError, "run without CUDA graphs: --no-cuda-graphs"),
    ("ILLEGAL_ADDRESS", CudaError, "start the program again; if it comes back, build the plan again"),
    ("LAUNCH", CudaError, "start the program again; `nvidia-smi` and the system's log tell of a failing GPU"),
)
_UNKNOWN = "start the program again, and look at `nvidia-smi` if it comes back"


def cuda_error(what: str, words: str) -> CudaError:
    """The class and the cure that fit the driver's or the library's own words."""
    plain = words.replace("OUT_OF_MEMORY", "out of memory")
    for sign, kind, cure in _CAUSES:
        if sign.lower() in plain.lower():
            return kind(f"{what}: {words}. Cure: {cure}")
    return CudaError(f"{what}: {words}. Cure: {_UNKNOWN}")


def is_known(words: str) -> bool:
    """Whether the words tell of driver, GPU or memory and not of the plan."""
    plain = words.replace("OUT_OF_MEMORY", "out of memory").lower()
    return any(sign.lower() in plain for sign, kind, _ in _CAUSES if kind is not CudaError and sign != "not found")
