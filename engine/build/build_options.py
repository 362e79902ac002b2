"""What a build may be told beside graph, precision and shapes, and which library knows which of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.build.build_error import BuildError
from engine.runtime.tensorrt_library import RTX_TARGETS

Hardware = Literal["none", "ampere+", "sameComputeCapability"]
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """library: `tensorrt` or `tensorrt-rtx`. BuildError names an option that the library lacks: none is ignored."""

    library: str
    target: str | None = None
    """`sm86` and so on, for tensorrt-rtx; tensorrt builds for the GPU that is there."""
    workspace_bytes: int | None = None
    timing_cache: Path | None = None
    version_compatible: bool = False
    hardware: Hardware = "none"

    def __post_init__(self) -> None:
        for flag, asked, reason in self._lacked():
            if asked:
                raise BuildError(f"{self.library} cannot do {flag}: {reason}; leave the option out")
        if self.library == "tensorrt-rtx" and self.target is None:
            raise BuildError(
                f"tensorrt-rtx builds for a chosen GPU generation; name it with --computeCapabilities, one of "
                f"{', '.join(RTX_TARGETS)} (8.6 is sm86; `nvidia-smi --query-gpu=compute_cap --format=csv` tells)"
            )

    def _lacked(self) -> tuple[tuple[str, bool, str], ...]:
        if self.library != "tensorrt-rtx":
            return (("--computeCapabilities", self.target is not None, "it builds for the GPU of this machine only"),)
        return (
            ("--timingCacheFile", self.timing_cache is not None, "it times nothing while building"),
            ("--versionCompatible", self.version_compatible, "its package has no lean runtime"),
            ("--hardwareCompatibilityLevel", self.hardware != "none", "it ignores it; choose --computeCapabilities"),
        )

    def flags(self) -> dict[str, str]:
        """As the command line takes them, for the sidecar."""
        given = {
            "--computeCapabilities": self.target,
            "--memPoolSize": None if self.workspace_bytes is None else f"workspace:{self.workspace_bytes}B",
            "--timingCacheFile": None if self.timing_cache is None else self.timing_cache.name,
            "--versionCompatible": "" if self.version_compatible else None,
            "--hardwareCompatibilityLevel": None if self.hardware == "none" else self.hardware,
        }
        return {flag: value for flag, value in given.items() if value is not None}


def parse_target(text: str) -> str:
    """`8.6`, `86`, `sm86` or `SM86` -> `sm86`; `current` stays. BuildError for anything else."""
    bare = text.strip().lower()
    if bare == "current":
        return bare
    match = re.fullmatch(r"(?:sm_?)?([0-9]{1,2})\.?([0-9])", bare)
    if match is None:
        raise BuildError(f"--computeCapabilities: {text!r} is no target; write one of {', '.join(RTX_TARGETS)}")
    return f"sm{match[1]}{match[2]}"


def parse_frame(text: str) -> tuple[int, int]:
    """`1280x720` -> width and height in pixels. BuildError for anything else."""
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text.strip().lower())
    if match is None:
        raise BuildError(f"--frame: {text!r} is no size; write width and height of your camera's pictures as 1280x720")
    return int(match[1]), int(match[2])


def parse_pools(text: str) -> int:
    """`workspace:512` (MiB, as trtexec) or with a unit B, K, M, G -> bytes. BuildError for other pools and forms."""
    match = re.fullmatch(r"workspace:([0-9]+(?:\.[0-9]+)?)([BKMG]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise BuildError(f"--memPoolSize: {text!r} is not understood; write workspace:512 (MiB) or workspace:2G")
    return int(float(match[1]) * _UNITS[match[2] or "M"])
