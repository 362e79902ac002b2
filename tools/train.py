"""`di2pose train ...`: stage 1, stage 2, and stage 2 of the live model."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.train_blend import blend
from tools.train_live import doubt, live
from tools.train_options import (
    Accelerator,
    CheckpointEvery,
    Config,
    Data,
    Devices,
    Nodes,
    Out,
    Precision,
    Seed,
    Steps,
    Tensorboard,
    Threads,
    command,
)

app = typer.Typer(help="Train the tokenizer (stage 1), the denoiser (stage 2) or the live model.", no_args_is_help=True)


@app.callback()
def train() -> None:
    """Train the tokenizer (stage 1), the denoiser (stage 2) or the live model."""


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
        trained = train_tokenizer(chosen, motion, options=options, command=command(), progress=progress)
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
            chosen, motion, tokenizer=stage1, options=options, command=command(), progress=progress
        )
    typer.echo(f"{out}/checkpoint: {trained.steps} steps, held-out MPJPE {trained.mpjpe_mm:.1f} mm")


app.command("live")(live)
app.command("doubt")(doubt)
app.command("blend")(blend)

if __name__ == "__main__":
    app()
