"""`di2pose data ...`: what is made from training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make things from training data (docs/data.md).", no_args_is_help=True)

DEMO_CLIP = Path(__file__).parents[1] / "realtime" / "demo.mp4"


@app.callback()
def data() -> None:
    """Make things from training data (docs/data.md)."""


@app.command("demo-clip")
def demo_clip(
    data: Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")] = None,
    out: Annotated[Path, typer.Option(help="The video to write.")] = DEMO_CLIP,
) -> None:
    """Draw the bundled clip again. Needs the extra 'data' and an OpenGL driver (Mesa's software one will do)."""
    from training.data_directory import DataDirectory, DataDirectoryError
    from training.demo_clip import ClipPlan, render_clip, write_clip

    plan = ClipPlan()
    try:
        frames = render_clip(DataDirectory.find(data), plan)
        count = write_clip(frames, out, size_wh=plan.size_wh, rate_hz=plan.rate_hz)
    except DataDirectoryError as error:
        typer.echo(f"di2pose: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{out}: {count} frames, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
