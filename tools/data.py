"""`di2pose data ...`: what training data is there, and what is made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import data_encoded, data_synthetic
from tools.data_closeness import closeness, cut_crops
from tools.data_sequences import sequences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

app = typer.Typer(help="Check training data and make things from it (docs/data.md).", no_args_is_help=True)

DEMO_CLIP = Path(__file__).parents[1] / "realtime" / "demo.mp4"


@app.callback()
def data() -> None:
    """Check training data and make things from it (docs/data.md)."""


@app.command("demo-clip")
def demo_clip(
    data: Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")] = None,
    out: Annotated[Path, typer.Option(help="The video to write.")] = DEMO_CLIP,
) -> None:
    """Draw the bundled clip again. Needs the extra 'data' and an OpenGL driver (Mesa's software one will do)."""
    try:
        from training.data_directory import DataDirectory
        from training.demo_clip import ClipError, ClipPlan, render_clip, write_clip
    except ImportError as error:
        typer.echo(f"di2pose: {error.name} is not installed: pip install 'di2pose[data]'", err=True)
        raise typer.Exit(2) from error

    plan = ClipPlan()
    try:
        frames = render_clip(DataDirectory.find(data), plan)
        count = write_clip(frames, out, size_wh=plan.size_wh, rate_hz=plan.rate_hz)
    except ClipError as error:
        typer.echo(f"di2pose: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{out}: {count} frames, {out.stat().st_size / 1e6:.2f} MB")


@app.command("check")
def check(
    directory: Annotated[Path | None, typer.Argument(help="Data directory; default $DI2POSE_DATA.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> int:
    """Say what is there, what is missing and where to register for it, and why a file is refused.

    Ends with 1 when a file is refused; what is missing is no error.
    """
    from training import data_check
    from training.data_directory import DataDirectory

    found = DataDirectory.find(directory)
    findings = data_check.check(found)
    if as_json:
        typer.echo(json.dumps(data_check.as_json(found, findings), indent=2))
    else:
        for finding in findings:
            typer.echo(f"{finding.status:8} {finding.part:12} {finding.text}")
        for part in dict.fromkeys(finding.part for finding in findings if finding.status != "found"):
            source = data_check.SOURCES[part]
            typer.echo(f"\n{source.title}: {source.use}\n  get it at {source.address} ({source.terms})")
    return int(any(finding.status == "refused" for finding in findings))


@app.command("extract")
def extract(
    directory: Annotated[Path, typer.Argument(help="Human3.6M: S*/Videos and the 3D positions.")],
    out: Annotated[Path, typer.Argument(help="Folder for pictures and index.npz.")],
    every: Annotated[int, typer.Option(min=1, help="Take one frame of so many.")] = 5,
    subject: Annotated[list[str] | None, typer.Option(help="Only these, for instance S9; repeat for several.")] = None,
) -> None:
    """Take pictures, boxes, intrinsics and poses out of Human3.6M's videos."""
    from training.extract import ExtractionPlan, extract
    from training.human36m import read_npz, read_originals

    npz = directory / "data_3d_h36m.npz"
    recordings = read_npz(npz) if npz.is_file() else read_originals(directory)
    plan = ExtractionPlan(every=every) if not subject else ExtractionPlan(subjects=tuple(subject), every=every)
    count = extract(directory, recordings, out, plan=plan, pictures=_pictures)
    typer.echo(f"{out}: {count} pictures, index.npz")


def _pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    from realtime.file_source import Picture
    from realtime.video_file import VideoFile

    for item in VideoFile(path, path.name).pictures():
        if isinstance(item, Picture):
            yield item.image_rgb


for _name in ("render", "preview", "pack", "splits"):
    app.command(_name)(getattr(data_synthetic, _name))
app.command("encode")(data_encoded.encode)
app.command("render-encoded")(data_encoded.render_encoded)
app.command("sequences")(sequences)
app.command("cut-crops")(cut_crops)
app.command("closeness")(closeness)

if __name__ == "__main__":
    app()
