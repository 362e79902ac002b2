"""`di2pose fetch`: put the pretrained networks into the user's cache directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fetch(
    directory: Annotated[
        Path | None,
        typer.Option(help="Check the two .tflite files in this directory; nothing is downloaded then."),
    ] = None,
) -> None:
    """Download the pretrained networks (36 MB, once) and check them; later runs need no network."""
    from rich.progress import Progress

    from engine.blazepose.fetch import network_files

    with Progress(transient=True) as bar:
        task = bar.add_task("networks", total=None)

        def show(text: str, fraction: float | None) -> None:
            bar.update(task, description=text[:60], completed=fraction or 0.0, total=None if fraction is None else 1.0)

        files = network_files(directory, progress=show)
    typer.echo(f"pretrained networks ready in {files.landmark.parent}")
