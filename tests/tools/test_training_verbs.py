"""`di2pose train`, `evaluate` and `ablate` from the command line: help, files, and errors as one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.cli import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return code or 0


@pytest.mark.parametrize(
    "verb",
    [
        ("train",),
        ("train", "tokenizer"),
        ("train", "denoiser"),
        ("evaluate", "tokenizer"),
        ("evaluate", "pose"),
        ("evaluate", "multiview"),
        ("ablate",),
    ],
)
def test_every_verb_explains_itself(verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*verb, "--help") == 0
    assert "--" in capsys.readouterr().out


def test_evaluate_tokenizer_writes_the_promised_numbers(shared_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    data = str(shared_dir / "data")
    assert run("evaluate", "tokenizer", "--config", "live", "--data", data, "--json", str(out)) == 0
    numbers = json.loads(out.read_text(encoding="utf-8"))
    assert {"mpjpe_mm", "pa_mpjpe_mm", "tokens", "codes", "frames"} <= numbers.keys()
    assert numbers["pa_mpjpe_mm"] <= numbers["mpjpe_mm"] <= 8


def test_train_tokenizer_leaves_a_run(shared_dir: Path, tmp_path: Path) -> None:
    data, out = str(shared_dir / "data"), str(tmp_path / "run")
    asked = ["--config", "live", "--data", data, "--out", out, "--steps", "2", "--accelerator", "cpu"]
    assert run("train", "tokenizer", *asked, "--no-tensorboard") == 0
    assert {"journal.jsonl", "last.safetensors", "checkpoint"} <= {path.name for path in (tmp_path / "run").iterdir()}
    card = json.loads((tmp_path / "run" / "checkpoint" / "card.json").read_text(encoding="utf-8"))
    assert card["steps"] == 2 and str(tmp_path) not in json.dumps(card)


@pytest.mark.parametrize(
    "arguments,cause",
    [
        (("train", "tokenizer", "--config", "nosuch", "--out", "OUT", "--data", "."), "neither a readable file"),
        (("train", "tokenizer", "--config", "live", "--out", "OUT", "--precision", "8-bit", "--data", "."), "8-bit"),
        (("evaluate", "tokenizer", "--config", "nosuch", "--data", "."), "no checkpoint directory nosuch"),
        (("evaluate", "pose", "--protocol", "h3m", "--data", "."), "choose one of cmu"),
        (("ablate", "--study", "table9", "--data", "."), "no study 'table9'"),
    ],
)
def test_errors_are_one_line_with_a_cure(
    arguments: tuple[str, ...], cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and cause in error and error.count("\n") == 1
