"""A model repository for NVIDIA Triton: a folder of models, each with its `config.pbtxt` and one version."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.blazepose.cache import sha256_of
from engine.build.build_error import BuildError
from engine.build.onnx_file import OnnxGraph
from engine.build.served import ServedTensors
from engine.build.triton_config import Platform, TritonConfig
from engine.build.triton_plans import plan_to_serve
from engine.runtime.served_model import ONNX_SHA256, WEIGHTS

log = logging.getLogger(__name__)

CONFIG_FILE = "config.pbtxt"
CARD_FILE = "di2pose.json"
"""At the root, where Triton looks at folders only: what was written, so that nothing else is ever overwritten."""
FORMAT_VERSION = 1
_VERSION = "1"


class RepositoryCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: dict[str, str]
    """sha256 of each file by its path below the repository."""
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """One model of a repository: what Triton is told, and the file that it loads."""

    config: TritonConfig
    file: Path
    sha256: str
    needs: str
    """What the server must have beside Triton itself, in words; empty where it needs nothing."""


@dataclass(frozen=True, slots=True)
class WrittenModel:
    name: str
    path: Path
    size: int
    needs: str


def served_model(graph: OnnxGraph, *, max_batch: int, plans: Path | None = None) -> ServedModel:
    """The graph itself, or its plan in `plans`. BuildError or PlanError where Triton cannot serve it."""
    parameters = {WEIGHTS: f"{graph.path.stem}-{graph.sha256[:16]}", ONNX_SHA256: graph.sha256}
    tensors = ServedTensors.of(graph)
    if plans is None:
        config = TritonConfig(graph.name, Platform.ONNX, tensors, max_batch, parameters)
        return ServedModel(config, graph.path, graph.sha256, "")
    config = TritonConfig(graph.name, Platform.PLAN, tensors, max_batch, parameters)
    plan, card = plan_to_serve(plans, graph, max_batch=max_batch)
    gpu = card.gpu.name if card.gpu else card.target
    return ServedModel(config, plan, card.plan_sha256, f"{card.library} {card.library_version} and {gpu}")


def write_repository(directory: Path, models: Sequence[ServedModel]) -> list[WrittenModel]:
    """The folder then holds exactly these models; it appears whole or not at all.

    A folder that an earlier call wrote is replaced. BuildError where it holds anything else: a file of somebody else,
    or one that was changed since. OSError where it cannot be written.
    """
    _refuse_foreign(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as work:
        made = Path(work) / "new"
        for model in models:
            _write_model(made / model.config.name, model)
        files = {str(path.relative_to(made)): sha256_of(path) for path in sorted(made.rglob("*")) if path.is_file()}
        card = msgspec.json.encode(RepositoryCard(files))
        (made / CARD_FILE).write_bytes(msgspec.json.format(card, indent=1) + b"\n")
        _put_in_place(made, directory, old=Path(work) / "old")
    return [_written(directory, model) for model in models]


def _write_model(folder: Path, model: ServedModel) -> None:
    version = folder / _VERSION
    version.mkdir(parents=True)
    copied = Path(shutil.copyfile(model.file, version / model.config.platform.file_name))
    if sha256_of(copied) != model.sha256:
        raise BuildError(f"{model.file} changed while it was exported; export again")
    (folder / CONFIG_FILE).write_text(model.config.text(), encoding="utf-8")


def _put_in_place(made: Path, directory: Path, *, old: Path) -> None:
    """Two renames; where the second fails the earlier folder comes back."""
    if not directory.exists():
        made.rename(directory)
        return
    directory.rename(old)
    try:
        made.rename(directory)
    except OSError:
        old.rename(directory)
        raise


def _written(directory: Path, model: ServedModel) -> WrittenModel:
    path = directory / model.config.name / _VERSION / model.config.platform.file_name
    return WrittenModel(model.config.name, path, path.stat().st_size, model.needs)


def _refuse_foreign(directory: Path) -> None:
    elsewhere = "name another folder, or move what is there away"
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise BuildError(f"{directory} is no folder of its own; {elsewhere}")
    if not directory.exists() or not any(directory.iterdir()):
        return
    card = _card_of(directory)
    if card is None:
        raise BuildError(f"{directory} was not written by `di2pose export triton` and is not empty; {elsewhere}")
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_dir() and not path.is_symlink():
            continue
        if name != CARD_FILE and name not in card.files:
            raise BuildError(f"{path} was not written by `di2pose export triton`; {elsewhere}")
        if name != CARD_FILE and sha256_of(path) != card.files[name]:
            raise BuildError(f"{path} was changed since it was exported, and would be lost; {elsewhere}")


def _card_of(directory: Path) -> RepositoryCard | None:
    try:
        card = msgspec.json.decode((directory / CARD_FILE).read_bytes(), type=RepositoryCard)
    except (OSError, msgspec.DecodeError):
        return None
    return card if card.format_version == FORMAT_VERSION else None
