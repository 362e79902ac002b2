"""`di2pose fetch`: put the pretrained networks into the user's cache directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.blazepose.fetch import network_files
from tools.progress import download_bar


def fetch(
    directory: Annotated[
        Path | None,
        typer.Option(help="Check the three .tflite files in this directory; nothing is downloaded then."),
    ] = None,
) -> None:
    """Download the pretrained networks (77 MB, once) and check them; later runs need no network."""
    with download_bar() as progress:
        found = network_files(directory, progress=progress)
    typer.echo(f"pretrained networks ready in {found}")
