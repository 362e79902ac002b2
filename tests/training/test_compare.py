"""The comparison scripts at a budget of two steps: rows as promised, and a second call repeats nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_training import tiny_config, tiny_motion

from engine.model.tokenizer import Tokenizer
from training import compare_conditional, compare_tokenizers
from training.journal import read_journal


def test_tokenizers_of_the_same_bits_are_compared_once(tmp_path: Path) -> None:
    out, budget = tmp_path / "rows.jsonl", compare_tokenizers.Budget(2, batch=4)
    entries = compare_tokenizers.contestants(tiny_config())
    for _ in range(2):
        compare_tokenizers.compare(entries, tiny_motion(), budget=budget, out=out)
    rows = {row["tokenizer"]: row for row in read_journal(out)}
    assert list(rows) == ["ours", "ours, undisturbed", "PCT-style VQ", "plain VQ", "fixed scalar"]
    assert len(read_journal(out)) == 5
    for row in rows.values():
        assert 0 <= row["resampled_30_plausible"] <= 1 and row["resampled_10_mpjpe_mm"] > 0
    assert rows["fixed scalar"]["resampled_0_mpjpe_mm"] < 5  # 15 codes: 225 steps over 2.2 m


def test_each_recipe_is_a_configuration_that_trains(tmp_path: Path) -> None:
    entries = compare_tokenizers.steps_to_ours(tiny_config())
    assert len(entries) == 6
    for make in entries.values():
        contestant = make()
        assert contestant.network is not None
        contestant.network(torch.zeros(2, 17, 3), torch.Generator()).backward()


@pytest.mark.parametrize("method", compare_conditional.METHODS)
def test_every_method_learns_and_answers(method: str) -> None:
    torch.manual_seed(0)
    tokenizer = Tokenizer(tiny_config().tokenizer).eval()
    budget = compare_conditional.Budget(steps=2, batch=4, every=30)
    row = compare_conditional.run_one(tiny_config(), tokenizer, tiny_motion(), method=method, seed=1, budget=budget)
    for hidden in compare_conditional.HIDDEN:
        assert row[f"hidden{hidden}_best_mm"] <= row[f"hidden{hidden}_one_mm"] + 1e-6
    if method == "regression":
        assert row["hidden4_best_mm"] == row["hidden4_one_mm"] == row["hidden4_mean_mm"]
    text = compare_conditional.table([row, row | {"seed": 2}])
    assert f"| {method} | 2 | 8 |" in text
