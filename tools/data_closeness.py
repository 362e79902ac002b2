"""`di2pose data cut-crops` and `data closeness`: real crops, and how far other crops lie from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv")

ClipsArgument = Annotated[Path, typer.Argument(help="A video, or a directory of videos, of real people.")]
EveryOption = Annotated[int, typer.Option(min=1, help="Take the people of one frame of so many.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Also write the figures there.")]


def crops_of(source: str, *, every: int = 1) -> Iterator[NDArray[np.uint8]]:
    """(256, 256, 3) crops of the people in every `every`-th frame, as the product's own line finds and cuts them.

    source: as for `--source`. The line sees every frame; who is only predicted or has just appeared is left out.
    """
    from engine.blazepose.networks import LANDMARK_SIZE_PX
    from engine.blazepose.warp import cut
    from realtime.config import LineConfig, SmoothingConfig
    from realtime.frame import Frame
    from realtime.parts import camera_choice, live_parts
    from realtime.sources import SourceOptions, open_source

    config = LineConfig(smoothing=SmoothingConfig(enabled=False), threads=1)
    pictures = open_source(source, SourceOptions(pace="max"))
    with live_parts("blazepose", config, camera_of=camera_choice()) as parts, pictures:
        while True:
            item = pictures.read(1.0)
            if isinstance(item, Frame):
                for person in parts.line.people(item):
                    region = person.pose.next_region
                    if item.index % every == 0 and person.state == "tracked" and region is not None:
                        yield cut(item.image_rgb, region, LANDMARK_SIZE_PX)[0]
            elif item is not None and item.kind == "ended":
                return


def cut_crops(clips: ClipsArgument, out: Path, every: EveryOption = 5) -> None:
    """Write crops of real people as pictures, one folder for each video."""
    from training.synthetic.pictures import write_crop

    for video in _videos(clips):
        count = 0
        for count, image_rgb in enumerate(crops_of(str(video), every=every), start=1):
            write_crop(out / video.stem / f"{count:06d}.png", image_rgb)
        typer.echo(f"{out / video.stem}: {count} crops")


def closeness(
    clips: ClipsArgument,
    crops: Annotated[list[Path] | None, typer.Option(help="Directory of crops to compare; repeat for several.")] = None,
    every: EveryOption = 5,
    file: JsonOption = None,
) -> None:
    """Say how far crops lie from real ones, for every feature map, with floor, ceiling and the bundled clip."""
    from training.synthetic import closeness as metric
    from training.synthetic.pictures import crop_pictures

    real = {video.stem: list(crops_of(str(video), every=every)) for video in _videos(clips)}
    sets = {"the bundled clip": crops_of("demo")} | {str(each): crop_pictures(each) for each in crops or []}
    rows = metric.report(real, sets)
    typer.echo(metric.table(rows))
    if file:
        file.write_text(json.dumps(metric.as_json(rows), indent=2), encoding="utf-8")


def _videos(clips: Path) -> list[Path]:
    found = [clips] if clips.is_file() else sorted(path for path in clips.glob("*") if path.suffix in VIDEO_ENDINGS)
    if not found:
        raise typer.BadParameter(f"{clips} is no video and holds none ({', '.join(VIDEO_ENDINGS)})")
    return found
