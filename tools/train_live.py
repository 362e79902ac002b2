"""`di2pose train live`: the denoiser on encoded crops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


def live(
    config: Config,
    encoded: Annotated[list[Path], typer.Option(help="Folder of encoded crops, split train; repeat for several.")],
    held_out: Annotated[Path, typer.Option(help="Folder of encoded crops, split test.")],
    out: Out,
    data: Data = None,
    tokenizer: Annotated[str | None, typer.Option(help="Shipped name or folder; default the configuration's.")] = None,
    method: Annotated[str, typer.Option(help="di2pose, or to compare: classifier, regression.")] = "di2pose",
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
    """Stage 2 of the live model: the denoiser on what BlazePose says of crops."""
    from engine.model.config import load
    from tools.progress import training_bar
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.evaluate_live import table
    from training.live_data import EncodedSet
    from training.run import RunOptions, use_threads
    from training.train_live import LiveData, train_live

    use_threads(threads)
    options = RunOptions(
        out, seed=seed, steps=steps, accelerator=accelerator, devices=devices, nodes=nodes, precision=precision,
        checkpoint_every=checkpoint_every, tensorboard=tensorboard,
    )  # fmt: skip
    chosen = load(config)
    motion = load_motion(DataDirectory.find(data)) if chosen.denoiser_training.simulated_share else None
    crops = LiveData(EncodedSet.open(*encoded), EncodedSet.open(held_out), motion)
    with training_bar() as progress:
        trained = train_live(
            chosen,
            crops,
            tokenizer=tokenizer or chosen.name,
            options=options,
            method=method,
            command=command(),
            progress=progress,
        )
    typer.echo(f"{out}/checkpoint: {trained.steps} steps")
    typer.echo(table({method: trained.errors, "blazepose": trained.blazepose}))
