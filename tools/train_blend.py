"""`di2pose train blend`: how far to believe a look and the looks before it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools.train_options import Seed, Steps, Threads


def blend(
    sequences: Annotated[list[Path], typer.Option(help="File of `data sequences`, split train; repeat for several.")],
    held_out: Annotated[Path, typer.Option(help="File of `data sequences --test`.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    seed: Seed = 0,
    steps: Steps = None,
    threads: Threads = None,
) -> None:
    """The temporal blend, which stands in for the One-Euro filter of the joints in space."""
    from training.run import use_threads
    from training.sequences import looks_of, read
    from training.train_blend import BlendTraining, mean_error_mm, trained, unevenness_mm, write

    use_threads(threads)
    out.parent.mkdir(parents=True, exist_ok=True)
    plan = BlendTraining() if steps is None else BlendTraining(steps=steps)
    learned = trained(looks_of(read(sequences)), plan, seed=seed)
    write(learned, out)
    test = looks_of(read([held_out]))
    for name, joints_m in {"the look alone": test.moments.joints_m, "blend": learned(test.moments)}.items():
        error, uneven = mean_error_mm(test, joints_m), unevenness_mm(test, joints_m)
        typer.echo(f"{name}: {error:.1f} mm, uneven by {uneven:.1f} mm/frame^2")
