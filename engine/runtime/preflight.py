"""May this plan be loaded here? Asked before a byte of it is deserialised, as that is running foreign code."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from engine.blazepose.cache import sha256_of
from engine.runtime.gpu import Gpu
from engine.runtime.graph_name import build_words
from engine.runtime.plan_card import PlanCard, PlanError, read_card
from engine.runtime.tensorrt_library import Library

_FIRST_AMPERE = 8.0


def check_plan(plan: Path, library: Library, *, gpu: Gpu | None, onnx_sha256: str | None = None) -> PlanCard:
    """The plan's card, where everything matches: both files whole, the library, the GPU, the graph where given.

    library and gpu: what this process would load the plan with. onnx_sha256: of the graph that it shall stand for.
    PlanError names the first mismatch and the command that mends it.
    """
    card = read_card(plan)
    reason = mismatch_of(plan, card, library, gpu=gpu, onnx_sha256=onnx_sha256)
    if reason:
        raise PlanError(f"{plan}: {reason}. Build it again: {mending_command(plan, card, library, gpu=gpu)}")
    return card


def mismatch_of(
    plan: Path, card: PlanCard, library: Library, *, gpu: Gpu | None, onnx_sha256: str | None = None
) -> str | None:
    """The first thing that keeps this plan from being loaded, in words; None where nothing does."""
    for mismatch in (_file_mismatch, _library_mismatch, _gpu_mismatch):
        reason = mismatch(plan, card, library, gpu)
        if reason:
            return reason
    if onnx_sha256 is not None and onnx_sha256 != card.onnx_sha256:
        return (
            f"it was built of another {card.graph} graph ({card.onnx_file}, sha256 {card.onnx_sha256[:12]}) "
            f"than the one in use ({onnx_sha256[:12]})"
        )
    return _parity_mismatch(card)


Mismatch = Callable[[Path, PlanCard, Library, Gpu | None], str | None]


def _file_mismatch(plan: Path, card: PlanCard, _library: Library, _gpu: Gpu | None) -> str | None:
    try:
        found = sha256_of(plan)
    except OSError as error:
        return f"the plan cannot be read ({error.strerror or error})"
    if found != card.plan_sha256:
        return f"the file is not the one that was built (sha256 {found[:12]}, its sidecar says {card.plan_sha256[:12]})"
    return None


def _library_mismatch(_plan: Path, card: PlanCard, library: Library, _gpu: Gpu | None) -> str | None:
    if library.name != card.library:
        return f"it was built by {card.library}, and {library.name} was chosen to run it"
    if library.version == card.library_version:
        return None
    if "--versionCompatible" in card.flags and _numbers(library.version) >= _numbers(card.library_version):
        return None
    return f"it was built by {card.library} {card.library_version}, installed is {library.version}"


def _gpu_mismatch(_plan: Path, card: PlanCard, _library: Library, gpu: Gpu | None) -> str | None:
    if gpu is None:
        return f"it needs an NVIDIA GPU ({_wanted(card)}), and none is usable here; check the driver with nvidia-smi"
    if card.target != "current":
        return None if target_of(gpu) == card.target else f"it was built for {card.target}, {_shown(gpu)} is here"
    level = card.flags.get("--hardwareCompatibilityLevel", "none")
    if level == "ampere+" and float(gpu.compute_capability) >= _FIRST_AMPERE:
        return None
    if card.gpu is None or gpu.compute_capability != card.gpu.compute_capability:
        return f"it was built on {_wanted(card)}, {_shown(gpu)} is here"
    if gpu.name != card.gpu.name and level == "none":
        return f"it was built on {_wanted(card)}, {_shown(gpu)} is here"
    return None


def _parity_mismatch(card: PlanCard) -> str | None:
    if card.parity == "pending":
        return None
    broken = [entry for entry in card.parity if not entry.holds]
    if not broken:
        return None
    return f"it failed its comparison with fp32 on the GPU ({'; '.join(map(str, broken))})"


def target_of(gpu: Gpu) -> str:
    """The build target of a GPU: compute capability 8.6 is `sm86`."""
    return "sm" + gpu.compute_capability.replace(".", "")


def mending_command(plan: Path, card: PlanCard, library: Library, *, gpu: Gpu | None) -> str:
    """What builds the like of this plan for the library and the GPU of this machine; wider where it moved joints."""
    failed = _parity_mismatch(card) is not None
    precision = {"fp16": "mixed", "mixed": "fp32"}.get(card.precision.asked, "fp32") if failed else card.precision.asked
    words = ["di2pose", "build", "--library", library.name, "--precision", precision]
    words += [*build_words(card.graph), "--out", str(plan.parent)]
    if library.name == "tensorrt-rtx":
        target = target_of(gpu) if gpu else card.target
        words += ["--computeCapabilities", target]
    return shlex.join(words)


def _wanted(card: PlanCard) -> str:
    if card.gpu is None or card.target != "current":
        return card.target
    return f"{card.gpu.name}, compute capability {card.gpu.compute_capability}"


def _shown(gpu: Gpu) -> str:
    return f"{gpu.name}, compute capability {gpu.compute_capability},"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
