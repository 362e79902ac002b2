"""`di2pose evaluate ...`: numbers on data with ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure a tokenizer or poses on data with ground truth.", no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the numbers to this file.")]


@app.callback()
def evaluate() -> None:
    """Measure a tokenizer or poses on data with ground truth."""


@app.command()
def tokenizer(
    config: Annotated[str, typer.Option(help="tokenizer100, live, or a checkpoint's folder.")],
    data: Data = None,
    json_file: Json = None,
) -> None:
    """Reconstruct the held-out subjects of CMU motion capture through the tokens of trained weights."""
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.evaluate_tokenizer import evaluate_tokenizer, shipped_tokenizer

    _, network = shipped_tokenizer(config)
    report = evaluate_tokenizer(network, load_motion(DataDirectory.find(data)))
    for name, value in report.as_dict().items():
        typer.echo(f"{name:20} {value:.3f}" if isinstance(value, float) else f"{name:20} {value}")
    _write(json_file, report.as_dict())


@app.command()
def pose(
    protocol: Annotated[str, typer.Option(help="cmu, h36m, 3dpw or 3dpw-occ.")],
    data: Data = None,
    checkpoint: Annotated[str, typer.Option(help="Folder of a trained model, or a shipped name.")] = "live",
    hidden: Annotated[int, typer.Option(min=0, max=17, help="Joints left out of the 2D condition.")] = 0,
    hypotheses: Annotated[int, typer.Option(min=1, help="Poses drawn per frame; their mean is the estimate.")] = 1,
    every: Annotated[int, typer.Option(min=1, help="Take one frame of so many.")] = 1,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
    json_file: Json = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables to this file.")] = None,
) -> None:
    """Estimate 3D poses from projected 2D joints: MPJPE, PA-MPJPE, PCK@150, AUC, per action and per joint."""
    from training.data_directory import DataDirectory
    from training.evaluate_pose import as_dict, as_markdown, evaluate_pose, load_model
    from training.protocols import load_test

    test = load_test(protocol, DataDirectory.find(data)).every(every)
    report = evaluate_pose(load_model(checkpoint), test, hidden=hidden, hypotheses=hypotheses, seed=seed)
    typer.echo(as_markdown(report))
    _write(json_file, as_dict(report))
    if markdown is not None:
        markdown.write_text(as_markdown(report), encoding="utf-8")


def _write(path: Path | None, numbers: dict[str, object]) -> None:
    if path is not None:
        path.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app()
