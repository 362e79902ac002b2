"""The NVIDIA GPU of this machine, asked of the driver itself: no CUDA library and no torch is needed for that."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h."""
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    compute_capability: str
    """As NVIDIA writes it: `8.6`."""


def gpu_here(index: int = 0) -> Gpu | None:
    """GPU number `index` as the driver counts them; None without a driver or without that GPU."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    major, minor = ctypes.c_int(), ctypes.c_int()
    answers = (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), index)
        or driver.cuDeviceGetName(name, len(name), device)
        or driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
        or driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
    )
    if answers:  # CUresult: 0 is success
        return None
    return Gpu(name.value.decode(errors="replace"), f"{major.value}.{minor.value}")
