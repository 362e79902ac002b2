"""`di2pose train ...`: stage 1 and stage 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train the tokenizer (stage 1) or the denoiser (stage 2).", no_args_is_help=True)

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


@app.callback()
def train() -> None:
    """Train the tokenizer (stage 1) or the denoiser (stage 2)."""


@app.command()
def tokenizer(
    config: Config,
    out: Out,
    data: Data = None,
    seed: Seed = 0,
    steps: Steps = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    nodes: Nodes = 1,
    precision: Precision = "32-true",
    checkpoint_every: CheckpointEvery = 500,
    threads: Threads = None,
    tensorboard: Tensorboard = True,
) -> None:
    """Stage 1: encoder, quantiser and decoder on poses of CMU motion capture."""
    from engine.model.config import load
    from tools.progress import training_bar
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.run import RunOptions, use_threads
    from training.train_tokenizer import train_tokenizer

    use_threads(threads)
    options = RunOptions(
        out, seed=seed, steps=steps, accelerator=accelerator, devices=devices, nodes=nodes, precision=precision,
        checkpoint_every=checkpoint_every, tensorboard=tensorboard,
    )  # fmt: skip
    chosen, motion = load(config), load_motion(DataDirectory.find(data))
    with training_bar() as progress:
        trained = train_tokenizer(chosen, motion, options=options, command=_command(), progress=progress)
    typer.echo(f"{out}/checkpoint: {trained.steps} steps, held-out MPJPE {trained.report.mpjpe_mm:.2f} mm")


@app.command()
def denoiser(
    config: Config,
    out: Out,
    tokenizer: Annotated[str | None, typer.Option(help="Shipped name or folder; default the configuration's.")] = None,
    data: Data = None,
    seed: Seed = 0,
    steps: Steps = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    nodes: Nodes = 1,
    precision: Precision = "32-true",
    checkpoint_every: CheckpointEvery = 500,
    threads: Threads = None,
    tensorboard: Tensorboard = True,
) -> None:
    """Stage 2: the denoiser on the tokens of a trained tokenizer, conditioned on projected 2D joints."""
    from engine.model.config import load
    from tools.progress import training_bar
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.run import RunOptions, use_threads
    from training.train_denoiser import train_denoiser

    use_threads(threads)
    options = RunOptions(
        out, seed=seed, steps=steps, accelerator=accelerator, devices=devices, nodes=nodes, precision=precision,
        checkpoint_every=checkpoint_every, tensorboard=tensorboard,
    )  # fmt: skip
    chosen, motion = load(config), load_motion(DataDirectory.find(data))
    stage1 = tokenizer or chosen.name
    with training_bar() as progress:
        trained = train_denoiser(
            chosen, motion, tokenizer=stage1, options=options, command=_command(), progress=progress
        )
    typer.echo(f"{out}/checkpoint: {trained.steps} steps, held-out MPJPE {trained.mpjpe_mm:.1f} mm")


def _command() -> str:
    """What was typed, for the card; folders are named by what they are, not where they lie here."""
    words = [word.split("=") for word in sys.argv[1:]]
    flat = [part for word in words for part in word]
    places = {"--data": "DATA", "--out": "OUT"}
    shown = [places.get(before, word) for before, word in zip(["", *flat], flat, strict=False)]
    return "di2pose " + " ".join(shown)


if __name__ == "__main__":
    app()
