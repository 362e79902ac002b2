"""The comparison on synthetic people: the worst position counts, covered joints do not, every method is run once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_live import tiny_live
from tiny_training import tiny_config, tiny_motion

from engine.model import checkpoint
from engine.model.config import to_toml
from engine.model.di2pose import build_tokenizer
from training import compare_live
from training.compare_live import METHODS, configured, table, worst_mm
from training.evaluate_tokenizer import TokenizerReport, tokenizer_checkpoint
from training.journal import read_journal
from training.live_data import named_sets
from training.synthetic.dataset import DatasetError


def about(crop: int, covered: int | None) -> dict[str, object]:
    return {"crop": crop, "uncovered": "".join("0" if row == covered else "1" for row in range(17))}


def test_of_each_crop_the_worst_position_counts_and_covered_joints_do_not() -> None:
    truth = np.zeros((4, 17, 3), np.float32)
    estimate = truth.copy()
    estimate[0, :, 0] = 10  # crop 0, position 0
    estimate[1, :, 0] = 30  # crop 0, position 1: the worst
    estimate[2, 5, 0] = 1700  # crop 1, position 0: a large error under the patch
    estimate[3, 5, 0] = 170  # crop 1, position 1: a smaller one beside it
    found = worst_mm(estimate, truth, [about(0, None), about(0, None), about(1, 5), about(1, None)])
    assert found == pytest.approx((30 + 10) / 2)


def test_methods_differ_in_their_transitions_alone() -> None:
    masses = {name: configured(tiny_live(), name, batch=4).diffusion for name in METHODS}
    assert (masses["di2pose occlude"].final_occ, masses["di2pose replace"].final_replace) == (1.0, 1.0)
    assert masses["regression"] == masses["classifier"] == masses["di2pose both"]
    assert configured(tiny_live(), "classifier", batch=4).denoiser_training.optimiser.batch == 4


def test_a_comparison_that_was_cut_goes_on_and_prints_its_table(
    tmp_path: Path, encoded_train: Path, encoded_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    report = TokenizerReport(1.0, 1.0, 1.0, 1.0, 6, 15, 1)
    stage1 = tokenizer_checkpoint(
        tiny_config(), build_tokenizer(tiny_config()), report=report, command="", seed=0, steps=1
    )
    checkpoint.write(tmp_path / "stage1", stage1)
    (tmp_path / "tiny.toml").write_text(to_toml(tiny_live()), encoding="utf-8")
    monkeypatch.setattr(compare_live, "load_motion", lambda _: tiny_motion())
    monkeypatch.setattr(compare_live.DataDirectory, "find", lambda _: None)
    asked = [
        "compare", "--encoded", encoded_train, "--test", f"syn={encoded_test}", "--out", tmp_path / "out", "--steps", 2,
        "--batch", 8, "--seeds", 1, "--config", tmp_path / "tiny.toml", "--tokenizer", tmp_path / "stage1",
    ]  # fmt: skip
    for methods in (["regression"], ["regression", "di2pose replace"]):
        only = [word for name in methods for word in ("--only", name)]
        monkeypatch.setattr(sys, "argv", [str(word) for word in [*asked, *only]])
        compare_live.main()
    rows = read_journal(tmp_path / "out" / compare_live.RESULTS)
    assert [row["method"] for row in rows] == ["blazepose", "regression", "di2pose replace"]
    assert all(row["tests"]["syn"]["mpjpe_mm"] > 0 for row in rows)
    printed = table(json.loads(json.dumps(rows)))
    assert "| di2pose replace | 1 |" in printed and printed.count("\n") == 4


def test_tests_without_a_name_and_missing_options_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="'folder' is not of the form NAME=DIR; give for instance syn=folder"):
        named_sets(["folder"])
    with pytest.raises(DatasetError, match="has no dataset.json"):
        named_sets([f"syn={tmp_path}"])
    monkeypatch.setattr(sys, "argv", ["compare", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        compare_live.main()
    assert "give --encoded and --test, or --table" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["compare", "--out", str(tmp_path), "--table"])
    compare_live.main()
