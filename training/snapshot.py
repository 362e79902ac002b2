"""The whole state of a training run in one file, written so that a kill at any moment leaves a loadable one.

safetensors, never pickle: weights, their moving average and the optimizer's moments as tensors, and a JSON header of
plain values. Randomness needs no state: every batch is a function of (seed, step). The file is written beside its
place, flushed to the disk and renamed onto it, so a reader sees the old file or the new one, never a part of one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from engine.blazepose.cache import write_atomically
from training.ema import Ema

FORMAT_VERSION = 1
SNAPSHOT_NAME = "last.safetensors"


class SnapshotError(ValueError):
    """A run cannot continue from a file; the text names the file, the cause and the cure."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The parts of a run that change while it trains."""

    network: nn.Module
    ema: Ema
    optimizer: torch.optim.Optimizer


def save_snapshot(path: Path, state: RunState, *, step: int, recipe: str) -> None:
    """Put the state after `step` finished steps at `path`, atomically; `recipe` is compared when it is loaded."""
    tensors = {f"network/{name}": value for name, value in state.network.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in state.ema.weights.items()}
    for row, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{row}/{name}": torch.as_tensor(value) for name, value in moments.items()}
    header = {"format_version": str(FORMAT_VERSION), "step": str(step), "recipe": recipe}
    write_atomically(path, save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, header))
    _flush_directory(path.parent)


def load_snapshot(path: Path, state: RunState, *, recipe: str) -> int:
    """Put a saved state into `state` and return how many steps it has behind it.

    SnapshotError for a damaged file, one of another format version, of another network or of another recipe.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError) as error:
        raise SnapshotError(f"{path}: not a training state ({error}); delete it to start again") from error
    if header.get("format_version") != str(FORMAT_VERSION):
        raise SnapshotError(
            f"{path}: training state of format {header.get('format_version')!r}, this version reads {FORMAT_VERSION}; "
            "continue with the version that wrote it, or delete it to start again"
        )
    if header.get("recipe") != recipe:
        raise SnapshotError(
            f"{path}: was trained with {_difference(header.get('recipe', ''), recipe)}; use another --out"
        )
    try:
        state.network.load_state_dict(_part(tensors, "network"))
        state.ema.weights = {name: value.to(_device(state)) for name, value in _part(tensors, "ema").items()}
    except RuntimeError as error:
        raise SnapshotError(f"{path}: belongs to another network ({error}); use another --out") from error
    _load_optimizer(state.optimizer, _part(tensors, "optimizer"))
    return int(header["step"])


def _device(state: RunState) -> torch.device:
    return next(state.network.parameters()).device


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        row, name = key.split("/")
        moments.setdefault(int(row), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def _difference(before: str, now: str) -> str:
    """The first settings that differ, for a message."""
    try:
        old, new = json.loads(before), json.loads(now)
    except json.JSONDecodeError:
        return "unreadable settings"
    changed = [
        f"{key} = {old.get(key)!r}, not {new.get(key)!r}" for key in {**old, **new} if old.get(key) != new.get(key)
    ]
    return "; ".join(changed[:3]) or "other settings"


def _flush_directory(directory: Path) -> None:
    """Make the rename itself survive a power cut (POSIX: the directory is what changed)."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
