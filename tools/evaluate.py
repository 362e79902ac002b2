"""`di2pose evaluate ...`: numbers on data with ground truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tools.line_options import DEFAULT_ESTIMATOR, ConfigOption, EstimatorOption, SmoothOption, settings
from tools.progress import download_bar

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
    encoded: Annotated[Path | None, typer.Option(help="Encoded crops: reconstruct their true poses instead.")] = None,
    json_file: Json = None,
) -> None:
    """Reconstruct the held-out subjects of CMU motion capture through the tokens of trained weights."""
    from training.cmu import load_motion
    from training.data_directory import DataDirectory
    from training.evaluate_tokenizer import evaluate_tokenizer, reconstructed_mm, shipped_tokenizer

    _, network = shipped_tokenizer(config)
    if encoded is not None:
        from training.live_data import EncodedSet
        from training.metrics import measure

        truth_mm = EncodedSet.open(encoded).all().joints_mm
        found = measure(reconstructed_mm(network, truth_mm), truth_mm)
        numbers = {"mpjpe_mm": found.mpjpe_mm, "pa_mpjpe_mm": found.pa_mpjpe_mm, "frames": found.frames}
        typer.echo("\n".join(f"{name:20} {value:.3f}" for name, value in numbers.items()))
        _write(json_file, numbers)
        return
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


@app.command()
def crops(
    shards: Annotated[Path, typer.Option(help="Folder that `di2pose data render` or `data splits` wrote.")],
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    every: Annotated[int, typer.Option(min=1, help="Take one crop of so many.")] = 1,
    json_file: Json = None,
    figures: Annotated[Path | None, typer.Option(help="Also draw crops, poses and doubt into this picture.")] = None,
    beside: Annotated[str, typer.Option(help="In the picture: the estimator to draw beside it.")] = "blazepose",
) -> None:
    """Score an estimator on rendered people: joints seen and hidden, what it calls hidden, what spread it states."""
    from realtime.config import LineConfig
    from realtime.parts import estimator_named
    from training.evaluate_crops import as_text, crop_errors, poses_of
    from training.synthetic.dataset import Dataset

    stored = Dataset.open(shards)
    chosen = [stored[index] for index in range(0, len(stored), every)]
    with download_bar() as progress, estimator_named(estimator, LineConfig(), progress=progress) as asked:
        errors = crop_errors(poses_of(asked, chosen), chosen)
    typer.echo(as_text(errors))
    _write(json_file, {"estimator": estimator, "set": shards.name, **errors.as_dict()})
    if figures is not None:
        from tools.crop_figures import write_sheet

        write_sheet(figures, chosen, [beside, estimator])


@app.command()
def multiview(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Cameras in camera_array.toml, cam_ID.mp4 each.")],
    estimator: EstimatorOption = DEFAULT_ESTIMATOR,
    json_file: Json = None,
    figures: Annotated[Path | None, typer.Option(help="Also draw pictures into this folder.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Take one moment of so many; the line sees no others.")] = 1,
    patch: Annotated[
        bool, typer.Option("--patch", help="Lay an opaque square over a joint in the scored view.")
    ] = False,
    smooth: SmoothOption = False,
    config: ConfigOption = None,
    limit_mm: Annotated[float, typer.Option(min=1, help="References: largest reprojection error at the joint.")] = 40.0,
    limit_px: Annotated[float, typer.Option(min=0.1, help="References: also at most so many pixels.")] = float("inf"),
) -> None:
    """Score an estimator, as `track` runs it, in each of four or more calibrated views, see docs/multiview.md."""
    from tools.multiview import Asked, candidates, people_of, prepared
    from tools.multiview_figures import write_figures
    from training.multiview_check import check_calibration
    from training.multiview_report import Setting, as_dict, as_text
    from training.multiview_score import score
    from training.triangulation import Rules

    rules = Rules(limit_mm=limit_mm, limit_px=limit_px)
    with download_bar() as progress:
        asked = Asked(every=every, cover="a joint" if patch else "nothing", rules=rules, progress=progress)
        ready = prepared(directory, asked)
        views, known = ready.recording.views, ready.references
        check = check_calibration(views, ready.sightings, known, rules=rules, spread_s=ready.moments.spread_s)
        people = people_of(ready, asked, estimator=estimator, config=settings(config, smooth=smooth))
    results = score(views, known, candidates(people))
    moments = len(ready.moments.frames)
    setting = Setting(directory.name, estimator, smooth, patch, every, moments, rules)
    report = as_dict(setting, check, results, views=views)
    typer.echo(as_text(report))
    _write(json_file, report)
    if figures is not None:
        write_figures(figures, ready, results, people)


def _write(path: Path | None, numbers: Mapping[str, object]) -> None:
    if path is not None:
        path.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app()
