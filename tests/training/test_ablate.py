from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_training import tiny_config, tiny_motion

from engine.model.tokenizer import Tokenizer
from training.ablate import STUDIES, AblationBudget, AblationError, as_markdown, run, study

BUDGET = AblationBudget(tokenizer_steps=2, denoiser_steps=2, batch=4, every=30)


def test_every_row_of_the_papers_tables_is_there() -> None:
    assert {entry.name: len(entry.paper) for entry in STUDIES} == {
        "joint-shift": 3, "levels": 3, "final-occ": 5, "transitions": 3, "steps": 6, "data-share": 4,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["joint-shift", "transitions"])
def test_a_study_runs_its_rows_and_prints_them_beside_the_papers(name: str) -> None:
    torch.manual_seed(0)
    tokenizer = Tokenizer(tiny_config().tokenizer).eval()
    chosen = study(name)
    rows = list(run(chosen, tiny_config(), tiny_motion(), tokenizer=tokenizer, budget=BUDGET))
    assert [row["setting"] for row in rows] == list(chosen.paper)
    assert all(0 < row["pa_mpjpe_mm"] <= row["mpjpe_mm"] for row in rows)
    text = as_markdown(chosen, rows, data="tiny", budget=BUDGET)
    assert "2 steps per tokenizer" in text and all(value in text for value in chosen.paper.values())


def test_runs_that_differ_in_sampling_only_share_their_training() -> None:
    tokenizer = Tokenizer(tiny_config().tokenizer).eval()
    few = replace(study("steps"), paper={"8->4": "", "8->8": ""})
    rows = list(run(few, tiny_config(), tiny_motion(), tokenizer=tokenizer, budget=BUDGET))
    assert [row["setting"] for row in rows] == ["8->4", "8->8"]


def test_unknown_studies_and_missing_tokenizers_are_refused() -> None:
    with pytest.raises(AblationError, match="no study 'table9'; choose one of joint-shift"):
        study("table9")
    with pytest.raises(AblationError, match="needs a trained tokenizer"):
        next(run(study("steps"), tiny_config(), tiny_motion(), tokenizer=None, budget=BUDGET))
