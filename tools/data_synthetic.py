"""`di2pose data render`, `preview`, `pack`, `splits`: pictures of synthetic people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools.cli import is_expected
from tools.progress import training_bar

if TYPE_CHECKING:
    from training.synthetic.recipe import Recipe
    from training.synthetic.rendering_report import RenderingReport
    from training.synthetic.scene import Crop

Data = Annotated[Path | None, typer.Option(help="Data directory; default $DI2POSE_DATA.")]
Seed = Annotated[int, typer.Option(help="Same seed, same crops.")]
Split = Annotated[str, typer.Option(help="train or test: no person, motion or background is in both.")]
_KINDS = "plain, mixed (for training: from nothing to much in front), occluded, standing, seated, or balance."
Kind = Annotated[str, typer.Option(help=_KINDS)]
Workers = Annotated[int, typer.Option(min=1, help="Processes; any number makes the same bytes.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write what it cost, stage by stage, here.")]


def render(
    out: Annotated[Path, typer.Option(help="Folder of the set; one that was cut continues.")],
    count: Annotated[int, typer.Option(min=1, help="Crops in all.")],
    data: Data = None,
    seed: Seed = 0,
    workers: Workers = 1,
    split: Split = "train",
    kind: Kind = "plain",
    crops_per_shard: Annotated[int, typer.Option(min=1, help="Crops in one tar file.")] = 1000,
    json_file: Json = None,
) -> None:
    """Render crops of synthetic people into tar shards (WebDataset's convention)."""
    with expected_errors():
        from training.data_directory import DataDirectory
        from training.synthetic.recipe import Recipe, fingerprint

        found = DataDirectory.find(data)
        recipe = Recipe(
            seed=seed, split=split, kind=kind, count=count, data=fingerprint(found), crops_per_shard=crops_per_shard
        )
        report = _rendered(recipe, out, data=found.path, workers=workers)
        show(out, report)
        if json_file is not None:
            json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")


def preview(
    out: Annotated[Path, typer.Option(help="The PNG to write.")],
    data: Data = None,
    shards: Annotated[Path | None, typer.Option(help="Show the crops of this folder; nothing is rendered.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Crops on the sheet.")] = 48,
    seed: Seed = 0,
    split: Split = "train",
    kind: Kind = "plain",
) -> None:
    """Contact sheet of crops with joints and bones: visible joints are discs, hidden ones rings."""
    with expected_errors():
        from training.synthetic.sheet import write_sheet

        if shards is not None:
            crops = _stored(shards, count)
        else:
            from training.data_directory import DataDirectory
            from training.synthetic.opening import SceneOpening
            from training.synthetic.recipe import Recipe

            recipe = Recipe(seed=seed, split=split, kind=kind, count=count)
            with SceneOpening(DataDirectory.find(data).path, recipe)() as source:
                crops = [source.crop(number) for number in range(count)]
        write_sheet(crops, out)
        typer.echo(f"{out}: {len(crops)} crops")


def pack(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    data: Data = None,
) -> None:
    """Put avatars, motion and backgrounds into one small file that is easy to carry to another machine."""
    with expected_errors():
        from training.data_directory import DataDirectory

        found = DataDirectory.find(data)
        from training.synthetic.pack_build import write_pack

        write_pack(found, out)
        typer.echo(f"{out}: {out.stat().st_size / 2**20:.1f} MiB")


def splits(
    out: Annotated[Path, typer.Option(help="A folder for each test set is made here.")],
    data: Data = None,
    workers: Workers = 1,
    only: Annotated[list[str] | None, typer.Option(help="Only this set, for instance syn; repeat for several.")] = None,
) -> None:
    """Render the test sets syn, syn-occ, syn-advocc40 and syn-advocc80: people unseen in training, fixed seeds."""
    with expected_errors():
        from training.data_directory import DataDirectory
        from training.synthetic.recipe import fingerprint
        from training.synthetic.splits import chosen, split_recipes

        found = DataDirectory.find(data)
        for name, recipe in chosen(split_recipes(fingerprint(found)), only).items():
            show(out / name, _rendered(recipe, out / name, data=found.path, workers=workers))


def _rendered(recipe: Recipe, out: Path, *, data: Path, workers: int) -> RenderingReport:
    from training.synthetic.opening import SceneOpening
    from training.synthetic.rendering import render

    with training_bar() as progress:
        return render(recipe, out, opening=SceneOpening(data, recipe), workers=workers, progress=progress)


def _stored(shards: Path, count: int) -> list[Crop]:
    from training.synthetic.dataset import Dataset

    stored = Dataset.open(shards)
    return [stored[number] for number in range(min(count, len(stored)))]


def show(out: Path, report: RenderingReport) -> None:
    fields = report.as_json()
    typer.echo(
        f"{out}: {report.crops} crops, {report.rendered} of them now, {report.crops_per_s:.1f} crops/s "
        f"with {report.workers} workers"
    )
    for stage in fields["stages"]:
        typer.echo(f"  {stage['name']:10} {stage['cpu_ms']:8.3f} ms CPU {stage['crops_per_s']:10.1f} crops/s")


@contextmanager
def expected_errors(stopped: str = "what is finished is whole, the same command continues") -> Iterator[None]:
    """Errors meant for the user as one line and exit code 2; Ctrl-C says what is left."""
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo(f"di2pose: stopped; {stopped}", err=True)
        raise typer.Exit(130) from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] not in ("training", "tools"):
            typer.echo(f"di2pose: {error.name} is not installed: pip install 'di2pose[data]'", err=True)
        elif is_expected(error):
            typer.echo(f"di2pose: {error}", err=True)
        else:
            raise
        raise typer.Exit(2) from error
