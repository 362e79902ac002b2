"""`di2pose fetch`: put the pretrained networks into the user's cache directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fetch(
    networks: Annotated[
        Path | None, typer.Option(help="Directory with the two .tflite files, used in place of the cache directory.")
    ] = None,
) -> None:
    """Download the pretrained networks (36 MB, once) and check them; later runs need no network."""
    from engine.blazepose.fetch import fetch_networks

    found = fetch_networks(networks, progress=lambda text: typer.echo(text, err=True))
    typer.echo(f"networks ready in {found}")
