"""Options that all of `di2pose train` share, and the command as cards quote it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[str, typer.Option(help="paper, tokenizer100, live, or a TOML file.")]
Data = Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")]
Out = Annotated[Path, typer.Option(help="Folder of the run; one that was cut continues.")]
Seed = Annotated[int, typer.Option(help="Same seed, same run.")]
Steps = Annotated[int | None, typer.Option(help="Instead of the configuration's epochs.")]
Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
Devices = Annotated[int, typer.Option(help="Processes on this machine, one per GPU.")]
Nodes = Annotated[int, typer.Option(help="Machines; start the command on each by torchrun or the cluster's launcher.")]
Precision = Annotated[str, typer.Option(help="32-true, bf16-mixed or 16-mixed.")]
CheckpointEvery = Annotated[int, typer.Option(help="Steps between saved states.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads of each process.")]
Tensorboard = Annotated[bool, typer.Option(help="Write TensorBoard files beside the journal.")]


def command() -> str:
    """What was typed, for the card; folders are named by what they are, not where they lie here."""
    words = [word.split("=") for word in sys.argv[1:]]
    flat = [part for word in words for part in word]
    places = {"--data": "DATA", "--out": "OUT", "--encoded": "ENCODED", "--held-out": "HELD_OUT", "--init": "INIT"}
    shown = [places.get(before, word) for before, word in zip(["", *flat], flat, strict=False)]
    return "di2pose " + " ".join(shown)
