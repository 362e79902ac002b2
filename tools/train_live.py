"""`di2pose train live` and `train doubt`: the denoiser on encoded crops, and what it states about its doubt."""

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
    method: Annotated[
        str, typer.Option(help="di2pose; lifting, to start it from; to compare: classifier, regression.")
    ] = "di2pose",
    init: Annotated[str | None, typer.Option(help="Start from the weights of this checkpoint.")] = None,
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
            init=init,
            command=command(),
            progress=progress,
        )
    typer.echo(f"{out}/checkpoint: {trained.steps} steps")
    typer.echo(table({method: trained.errors, "blazepose": trained.blazepose}))


def doubt(
    model: Annotated[Path, typer.Option(help="Checkpoint that `train live` left.")],
    encoded: Annotated[list[Path], typer.Option(help="Folder of encoded crops, split train; repeat for several.")],
    held_out: Annotated[Path, typer.Option(help="Folder of encoded crops, split test.")],
    out: Annotated[Path, typer.Option(help="Folder of the finished checkpoint.")],
    passes: Annotated[int, typer.Option(min=1, help="Passes of the denoiser per hypothesis.")] = 1,
    hypotheses: Annotated[int, typer.Option(min=2, help="Hypotheses per person.")] = 16,
    threads: Threads = None,
) -> None:
    """Last step of the live model: which joints are hidden, and the radius that holds 90 %."""
    from engine.model import checkpoint
    from engine.model.config import SamplingConfig
    from training.finish_live import finished
    from training.live_data import EncodedSet
    from training.run import use_threads

    use_threads(threads)
    train, test = EncodedSet.open(*encoded), EncodedSet.open(held_out)
    found = finished(str(model), train, test, sampling=SamplingConfig("purity", passes, hypotheses))
    checkpoint.write(out, found.checkpoint)
    facts = {
        "spread": found.spread.as_dict(),
        "hidden": found.seen.as_dict(),
        "hidden by BlazePose": found.seen_blazepose.as_dict(),
    }
    for name, report in facts.items():
        typer.echo(f"{name}: {', '.join(f'{key} {value}' for key, value in report.items())}")
