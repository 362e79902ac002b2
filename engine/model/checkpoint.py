"""A model on disk: a directory with `weights.safetensors`, `config.toml` and `card.json`. Nothing is ever unpickled.

The card says where the weights come from and pins the other two files by SHA-256, so a directory that was mixed up or
cut short is refused. It is written into a temporary directory beside the target and renamed, so a kill at any moment
leaves the old checkpoint or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from engine.model.config import ModelConfig, parse, to_toml
from engine.model.config_reading import ConfigError

FORMAT_VERSION = 1
HALVED_FROM = 4096
"""Tensors of so many numbers are stored in half precision; smaller ones cost nothing and may need the range."""
WEIGHTS, CONFIG, CARD = "weights.safetensors", "config.toml", "card.json"


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the text names file, field and cure."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What `read` found: tensors by full parameter name, e.g. `tokenizer.encoder.embedding.weight`."""

    config: ModelConfig
    tensors: dict[str, Tensor]
    card: dict[str, Any] = field(default_factory=dict)
    """Free facts (data, licence, command, seed, numbers) beside `format_version`, `parts` and `sha256`."""

    def part(self, name: str) -> dict[str, Tensor]:
        """State of one part (`tokenizer`, `denoiser`, `joint_condition`); CheckpointError where it is not stored."""
        prefix = name + "."
        state = {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}
        if not state:
            stored = ", ".join(sorted({key.partition(".")[0] for key in self.tensors}))
            raise CheckpointError(f"{WEIGHTS}: holds no part {name!r}, only {stored}; use a checkpoint that has it")
        return state


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Atomically replaces `directory`; tensors keep their type (store float16 for small files)."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    files = {WEIGHTS: save_tensors(tensors), CONFIG: to_toml(checkpoint.config).encode()}
    facts = {
        **checkpoint.card,
        "format_version": FORMAT_VERSION,
        "parts": sorted({name.partition(".")[0] for name in tensors}),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files[CARD] = (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, content in files.items():
            _write_durably(fresh / name, content)
        fresh.chmod(0o755)
        _replace(fresh, directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read(name_or_path: str | Path) -> Checkpoint:
    """A shipped checkpoint by name (`engine/weights/NAME`) or one by its directory, checked against its card."""
    directory = locate(name_or_path)
    card = _card(directory)
    contents = {name: _bytes(directory / name) for name in (WEIGHTS, CONFIG)}
    for name, content in contents.items():
        if card["sha256"].get(name) != hashlib.sha256(content).hexdigest():
            raise CheckpointError(
                f"{directory / CARD}: field sha256.{name} does not match the file; copy the whole directory again"
            )
    try:
        config = parse(contents[CONFIG].decode("utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        cure = "the checkpoint is of another version of di2pose; train or fetch it again"
        raise CheckpointError(f"{directory / CONFIG}: {error}; {cure}") from error
    try:
        tensors = load_tensors(contents[WEIGHTS])
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{directory / WEIGHTS}: not readable as safetensors ({error}); fetch it again"
        ) from error
    return Checkpoint(config, tensors, card)


def locate(name_or_path: str | Path) -> Path:
    """Directory of a checkpoint; CheckpointError names the shipped ones where there is none."""
    path = Path(name_or_path)
    for directory in (path, _aside(path)) if path.name else (path,):
        if directory.is_dir():
            return directory
    shipped = Path(str(resources.files("engine") / "weights"))
    if len(path.parts) == 1 and (shipped / path / CARD).is_file():
        return shipped / path
    known = ", ".join(sorted(entry.parent.name for entry in shipped.glob(f"*/{CARD}"))) or "none"
    raise CheckpointError(f"no checkpoint directory {path}; shipped by name: {known}. Give one of them or a directory")


def in_half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large floating-point tensors in half precision, as weights are shipped; loading brings them back to single."""
    return {
        name: value.half() if value.numel() >= HALVED_FROM and value.is_floating_point() else value
        for name, value in tensors.items()
    }


def load_state(module_name: str, module: Any, state: Mapping[str, Tensor]) -> None:
    """Copies `state` into a torch module; CheckpointError names the first parameter that does not fit."""
    wanted = module.state_dict()
    for key in [*wanted, *state]:
        if key not in state or key not in wanted:
            trouble = "is missing" if key not in state else "is unknown to this version"
        elif wanted[key].shape != state[key].shape:
            trouble = f"has shape {tuple(state[key].shape)}, the configuration needs {tuple(wanted[key].shape)}"
        else:
            continue
        raise CheckpointError(f"{WEIGHTS}: {module_name}.{key} {trouble}; weights and {CONFIG} do not belong together")
    module.load_state_dict(dict(state))


def _card(directory: Path) -> dict[str, Any]:
    path = directory / CARD
    try:
        card = json.loads(_bytes(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: not valid JSON ({error}); fetch the checkpoint again") from error
    if not isinstance(card, dict) or not isinstance(card.get("sha256", {}), dict):
        raise CheckpointError(f"{path}: must be a JSON object with an object sha256; fetch the checkpoint again")
    for name in ("format_version", "parts", "sha256"):
        if name not in card:
            raise CheckpointError(f"{path}: field {name} is missing; this is no di2pose checkpoint, or a damaged one")
    if card["format_version"] != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: field format_version is {card['format_version']!r}, this program reads {FORMAT_VERSION}; "
            "use the matching version of di2pose or train again"
        )
    return card


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); copy the whole directory") from error


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(fresh: Path, directory: Path) -> None:
    """No portable call swaps directories: the old one steps aside, and `locate` looks there after a kill in between."""
    aside = _aside(directory)
    if directory.exists():
        shutil.rmtree(aside, ignore_errors=True)
        directory.rename(aside)
    fresh.rename(directory)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.previous")
