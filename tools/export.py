"""`di2pose export ...`: trained models in forms that run without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write a trained model for other programs.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Write a trained model for other programs."""


@app.command()
def onnx(
    checkpoint: Annotated[str, typer.Argument(help="Finished live model: a folder of `train doubt`, or di2pose.")],
    out: Annotated[Path, typer.Option(help="The file to write; give it to --estimator.")],
) -> None:
    """One ONNX graph from what BlazePose says of a crop to pose, spread and hypotheses."""
    from engine.model.live_onnx import export_live_pose
    from engine.model.live_pose import load_live_pose

    path = export_live_pose(load_live_pose(checkpoint), out)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    app()
