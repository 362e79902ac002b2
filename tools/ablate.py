"""`di2pose ablate`: the paper's tables 3 to 5 and figure 1a on the data at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def ablate(
    study: Annotated[
        list[str] | None,
        typer.Option(help="joint-shift, levels, final-occ, transitions, steps or data-share; repeat; default all."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")] = None,
    config: Annotated[str, typer.Option(help="What the studies vary.")] = "live",
    tokenizer: Annotated[
        str, typer.Option(help="For stage 2: shipped name or folder; few codes (training/conditional.toml) are fast.")
    ] = "live",
    tokenizer_steps: Annotated[int, typer.Option(min=1, help="Training steps of each tokenizer.")] = 300,
    denoiser_steps: Annotated[int, typer.Option(min=1, help="Training steps of each denoiser.")] = 200,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Append each row to this file of JSON lines.")] = None,
) -> None:
    """Vary one setting at a time at a stated budget and print the tables, the paper's numbers beside them."""
    from engine.model.config import load
    from training import ablate as studies
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.evaluate_tokenizer import shipped_tokenizer

    chosen = [studies.study(name) for name in study or [entry.name for entry in studies.STUDIES]]
    budget = studies.AblationBudget(tokenizer_steps, denoiser_steps, seed)
    base, motion = load(config), load_motion(DataDirectory.find(data))
    for entry in chosen:
        stage1 = None if entry.name in ("joint-shift", "levels") else shipped_tokenizer(tokenizer)
        basis, network = (base, None) if stage1 is None else stage1
        rows = []
        for row in studies.run(entry, basis, motion, tokenizer=network, budget=budget):
            rows.append(row)
            if out is not None:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
        typer.echo(studies.as_markdown(entry, rows, data="CMU, subjects 02, 06, 09", budget=budget))
