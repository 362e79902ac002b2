"""Options that every command with a line in it shares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from realtime.config import LineConfig, load
from realtime.parts import ESTIMATORS

DEFAULT_ESTIMATOR = ESTIMATORS[0]

EstimatorOption = Annotated[str, typer.Option(help=f"What computes the poses: {', '.join(ESTIMATORS)}.")]
CameraOption = Annotated[
    Path | None, typer.Option(help="Intrinsics: a TOML file with K, size and optionally distortion.")
]
FovOption = Annotated[float | None, typer.Option(help="Without --camera: field of view along the longer side (55).")]
SmoothOption = Annotated[bool, typer.Option(help="Smooth the poses over time.")]
MirrorOption = Annotated[bool, typer.Option("--mirror", help="Swap left and right, as a mirror does.")]
ConfigOption = Annotated[Path | None, typer.Option(help="Settings of tracking and smoothing, a TOML file.")]


def settings(config: Path | None, *, smooth: bool = True) -> LineConfig:
    """The file's settings or the defaults; `--no-smooth` wins over the file."""
    loaded = load(config) if config is not None else LineConfig()
    return loaded if smooth else replace(loaded, smoothing=replace(loaded.smoothing, enabled=False))
