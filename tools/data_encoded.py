"""`di2pose data encode` and `data render-encoded`: what the landmark network says of crops, for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools.data_synthetic import Data, Kind, Seed, Split, Workers, expected_errors, show
from tools.progress import training_bar

if TYPE_CHECKING:
    from training.synthetic.opening import Opening
    from training.synthetic.recipe import Recipe

Out = Annotated[Path, typer.Option(help="Folder of the encodings; one that was cut continues.")]


def encode(
    shards: Annotated[Path, typer.Option(help="A folder that `di2pose data render` wrote.")],
    out: Out,
    workers: Workers = 1,
    first: Annotated[int | None, typer.Option(min=1, help="Only so many crops of the set.")] = None,
) -> None:
    """Run the landmark network once over every crop of a set and keep what training needs, 16 kB each.

    Of a patch test every crop is read with the patch at every position.
    """
    with expected_errors():
        from training.encoded_shards import encodable
        from training.synthetic.dataset import Dataset
        from training.synthetic.patched_source import PatchedOpening
        from training.synthetic.stored_source import StoredOpening

        recipe = encodable(Dataset.open(shards).card.recipe, first=first)
        opening = StoredOpening(shards) if recipe.patch is None else PatchedOpening(shards)
        _make(recipe, out, opening=opening, workers=workers)


def render_encoded(
    out: Out,
    count: Annotated[int, typer.Option(min=1, help="Crops in all.")],
    data: Data = None,
    seed: Seed = 0,
    workers: Workers = 1,
    split: Split = "train",
    kind: Kind = "mixed",
    crops_per_shard: Annotated[int, typer.Option(min=1, help="Crops in one file.")] = 500,
) -> None:
    """Render crops of synthetic people and encode them at once; no picture is written."""
    with expected_errors():
        from training.data_directory import DataDirectory
        from training.synthetic.opening import SceneOpening
        from training.synthetic.recipe import Recipe, fingerprint

        found = DataDirectory.find(data)
        recipe = Recipe(
            seed=seed, split=split, kind=kind, count=count, data=fingerprint(found), crops_per_shard=crops_per_shard
        )
        _make(recipe, out, opening=SceneOpening(found.path, recipe), workers=workers)


def _make(recipe: Recipe, out: Path, *, opening: Opening, workers: int) -> None:
    from training.encoded_shards import EncodedShards
    from training.synthetic.encode import crop_encoder
    from training.synthetic.rendering import render

    with crop_encoder():
        pass  # fetched and converted before several workers want to do so at once
    with training_bar() as progress:
        report = render(recipe, out, opening=opening, form=EncodedShards(), workers=workers, progress=progress)
    show(out, report)
