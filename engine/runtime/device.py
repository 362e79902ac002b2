"""Where a network runs: the CPU, or one GPU by number."""

from __future__ import annotations

import re
from dataclasses import dataclass


class DeviceError(ValueError):
    """A device is not understood or does not fit the backend; the text quotes it."""


@dataclass(frozen=True, slots=True)
class Device:
    gpu: int | None = None
    """As the driver counts them from 0, after CUDA_VISIBLE_DEVICES; None is the CPU."""

    @property
    def is_cpu(self) -> bool:
        return self.gpu is None

    def __str__(self) -> str:
        return "cpu" if self.gpu is None else f"cuda:{self.gpu}"


CPU = Device()
FIRST_GPU = Device(0)


def parse_device(text: str) -> Device:
    """`cpu`, `cuda` (the first one) or `cuda:N`. DeviceError for anything else."""
    match = re.fullmatch(r"cpu|cuda(?::([0-9]{1,3}))?", text.strip().lower())
    if match is None:
        raise DeviceError(f"--device: {text!r} is no device; write cpu, cuda:0 or the number of another GPU")
    if match[0] == "cpu":
        return CPU
    return Device(int(match[1] or 0))
