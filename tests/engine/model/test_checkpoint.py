"""Checkpoints: written whole or not at all, read back exactly, refused with file, field and cure."""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.model import checkpoint
from engine.model.checkpoint import CARD, CONFIG, WEIGHTS, Checkpoint, CheckpointError
from engine.model.config import load
from engine.model.di2pose import build_tokenizer

CONFIGURATION = load("live")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tokenizer = build_tokenizer(CONFIGURATION)
    tensors = {f"tokenizer.{name}": value for name, value in tokenizer.state_dict().items()}
    checkpoint.write(tmp_path / "mine", Checkpoint(CONFIGURATION, tensors, {"licence": "CC0", "mpjpe_mm": 3.5}))
    return tmp_path / "mine"


def edit_card(directory: Path, **changes: Any) -> None:
    path = directory / CARD
    card = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def test_what_is_written_is_read_back(saved: Path) -> None:
    read = checkpoint.read(saved)
    assert read.config == CONFIGURATION
    assert (read.card["licence"], read.card["mpjpe_mm"], read.card["parts"]) == ("CC0", 3.5, ["tokenizer"])
    torch.manual_seed(0)
    fresh = build_tokenizer(CONFIGURATION).state_dict()
    part = read.part("tokenizer")
    assert part.keys() == fresh.keys()
    assert all(torch.equal(part[name], fresh[name]) for name in fresh)


def test_the_state_goes_into_a_fresh_module(saved: Path) -> None:
    torch.manual_seed(1)
    tokenizer = build_tokenizer(CONFIGURATION)
    state = checkpoint.read(saved).part("tokenizer")
    checkpoint.load_state("tokenizer", tokenizer, state)
    assert all(torch.equal(value, state[name]) for name, value in tokenizer.state_dict().items())


def test_only_the_three_files_are_left(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == sorted([CARD, CONFIG, WEIGHTS])
    assert [path.name for path in saved.parent.iterdir()] == ["mine"]


def test_writing_again_replaces_and_leaves_nothing_behind(saved: Path) -> None:
    checkpoint.write(saved, Checkpoint(CONFIGURATION, {"tokenizer.x": torch.ones(2)}))
    assert list(checkpoint.read(saved).tensors) == ["tokenizer.x"]
    assert [path.name for path in saved.parent.iterdir()] == ["mine"]


@pytest.mark.parametrize("call", range(1, 9))
def test_a_kill_at_any_moment_leaves_a_loadable_checkpoint(
    saved: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Stops the second writing at its n-th change of the disk, as a kill would: nothing after it runs."""
    made = 0

    class Killed(BaseException):
        pass

    def dying(real: Any) -> Any:
        def change(*arguments: Any, **keywords: Any) -> Any:
            nonlocal made
            made += 1
            if made >= call:
                raise Killed
            return real(*arguments, **keywords)

        return change

    monkeypatch.setattr(Path, "rename", dying(Path.rename))
    monkeypatch.setattr(shutil, "rmtree", dying(shutil.rmtree))
    monkeypatch.setattr(checkpoint, "_write_durably", dying(checkpoint._write_durably))
    new = Checkpoint(CONFIGURATION, {"tokenizer.x": torch.ones(2)})
    with contextlib.suppress(Killed):
        checkpoint.write(saved, new)
    monkeypatch.undo()
    assert len(checkpoint.read(saved).tensors) >= 1
    checkpoint.write(saved, new)
    assert list(checkpoint.read(saved).tensors) == ["tokenizer.x"]


@pytest.mark.parametrize("missing", [CARD, CONFIG, WEIGHTS])
def test_a_missing_file_is_named(saved: Path, missing: str) -> None:
    (saved / missing).unlink()
    with pytest.raises(CheckpointError, match=f"{missing}: cannot be read .*copy the whole directory"):
        checkpoint.read(saved)


@pytest.mark.parametrize("field", ["format_version", "parts", "sha256"])
def test_a_missing_field_is_named(saved: Path, field: str) -> None:
    edit_card(saved, **{field: None})
    with pytest.raises(CheckpointError, match=f"{CARD}: field {field} is missing"):
        checkpoint.read(saved)


def test_another_format_version_is_refused(saved: Path) -> None:
    edit_card(saved, format_version=2)
    with pytest.raises(CheckpointError, match="field format_version is 2, this program reads 1; use the matching"):
        checkpoint.read(saved)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_changed_bytes_are_refused(saved: Path, name: str) -> None:
    content = bytearray((saved / name).read_bytes())
    content[-1] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"sha256.{name} does not match"):
        checkpoint.read(saved)


@pytest.mark.parametrize("card", ["{", "[]", '{"sha256": 3}', "\xff"])
def test_a_broken_card_is_refused(saved: Path, card: str) -> None:
    (saved / CARD).write_text(card, encoding="latin-1")
    with pytest.raises(CheckpointError, match=CARD):
        checkpoint.read(saved)


def reseal(directory: Path, name: str, content: bytes) -> None:
    """Puts `content` in place with a hash that fits, so that the next check has to find the trouble."""
    (directory / name).write_bytes(content)
    hashes = json.loads((directory / CARD).read_text())["sha256"]
    edit_card(directory, sha256={**hashes, name: checkpoint.hashlib.sha256(content).hexdigest()})


def test_an_unknown_setting_is_quoted(saved: Path) -> None:
    reseal(saved, CONFIG, b"colour = 3\n" + (saved / CONFIG).read_bytes())
    with pytest.raises(CheckpointError, match=f"{CONFIG}: unknown setting colour = 3.*train or fetch it again"):
        checkpoint.read(saved)


def test_a_hostile_pickle_is_refused_and_never_run(saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "owned"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (target,))

    reseal(saved, WEIGHTS, pickle.dumps(Hostile()))
    with pytest.raises(CheckpointError, match="not readable as safetensors"):
        checkpoint.read(saved)
    assert not target.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_weights_are_refused(saved: Path, share: float) -> None:
    content = (saved / WEIGHTS).read_bytes()
    reseal(saved, WEIGHTS, content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="not readable as safetensors"):
        checkpoint.read(saved)


def test_an_absent_part_is_named(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="no part 'denoiser', only tokenizer"):
        checkpoint.read(saved).part("denoiser")


@pytest.mark.parametrize("change,text", [("drop", "is missing"), ("add", "is unknown"), ("reshape", "has shape")])
def test_weights_that_do_not_fit_the_module_are_named(saved: Path, change: str, text: str) -> None:
    state = checkpoint.read(saved).part("tokenizer")
    name = "bottleneck.coarse_encoder.0.weight"
    if change == "drop":
        del state[name]
    elif change == "add":
        name = "encoder.other"
        state[name] = torch.zeros(1)
    else:
        state[name] = torch.zeros(1, 2)
    with pytest.raises(CheckpointError, match=f"tokenizer.{name} {text}"):
        checkpoint.load_state("tokenizer", build_tokenizer(CONFIGURATION), state)


def test_an_absent_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint directory .*shipped by name"):
        checkpoint.read(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="no checkpoint directory no_such_name"):
        checkpoint.read("no_such_name")
