"""How far pictures of crops lie from real ones in the eyes of the network that will see both.

Every feature map is pooled over the picture, scaled by the spread of the real crops, and compared with
`kernel_distance` and, where the sample allows, `frechet_distance`. What a distance means is told by those of a floor
(real crops of other videos) and a ceiling (blurred real crops, noise): see `references`.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import FULL, landmark_onnx
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from training.synthetic.distances import Distance, Features, Scale, frechet_distance, kernel_distance
from training.synthetic.encode import crop_encoder
from training.synthetic.pictures import crop_pictures
from training.synthetic.scene import CROP_SIZE_PX

log = logging.getLogger(__name__)

Images = Iterable[NDArray[np.uint8]]
Pooled = dict[str, Features]
"""Feature map and pooling, e.g. `trunk_2 mean` -> (crop, feature)."""

ALL_MAPS = tuple(FULL.features)
POOLINGS: dict[str, Callable[[Features], Features]] = {
    "mean": lambda cells: cells.mean(axis=1),
    "mean+std": lambda cells: np.concatenate([cells.mean(axis=1), cells.std(axis=1)]),
}
"""Of (channel, cell): the mean says what is there, the spread over the picture also how much of it and how sharp."""
BLURS_PX = (1.0, 2.0, 4.0)
_NOISE_PICTURES = 100


@dataclass(frozen=True, slots=True)
class Closeness:
    """One set of crops against the real ones on one pooled map."""

    name: str
    features: str
    count: int
    kernel: Distance
    frechet: float | None
    """None where one of the samples is too small."""


def pooled(images: Images, encoder: BlazePoseEncoder) -> Pooled:
    """All of the encoder's maps, every pooling, (256, 256, 3) images one at a time. ValueError without any image."""
    rows: dict[str, list[Features]] = {f"{name} {pooling}": [] for name in encoder.maps for pooling in POOLINGS}
    for image_rgb in images:
        maps = encoder.encode(image_rgb[None])[0].maps
        for name, values in maps.items():
            cells = values.reshape(len(values), -1).astype(np.float64)
            for pooling, reduce in POOLINGS.items():
                rows[f"{name} {pooling}"].append(reduce(cells))
    if not rows or not next(iter(rows.values())):
        raise ValueError("no crops to compare")
    return {name: np.stack(values) for name, values in rows.items()}


def compared(real: Pooled, others: Mapping[str, Pooled], *, reference: Pooled | None = None) -> list[Closeness]:
    """Every set of `others` against `real` on every pooled map; `reference` (default: real) gives the scale."""
    found = []
    for features, values in real.items():
        scale = Scale.of((reference or real)[features])
        for name, other in others.items():
            one, two = scale(values), scale(other[features])
            found.append(Closeness(name, features, len(two), kernel_distance(one, two), frechet_distance(one, two)))
    return found


def references(clips: Mapping[str, Pooled]) -> list[Closeness]:
    """The floor: the first half of every clip against its second half, and each clip against the others."""
    everything = joined(clips.values())
    halves = [joined(_part(clip, half) for clip in clips.values()) for half in (0, 1)]
    rows = compared(halves[0], {"real: second halves against first": halves[1]}, reference=everything)
    for name in clips if len(clips) > 1 else ():
        others = joined(clip for other, clip in clips.items() if other != name)
        rows += compared(others, {f"real: {name} against the other clips": clips[name]}, reference=everything)
    return rows


def joined(parts: Iterable[Pooled]) -> Pooled:
    """Several sets as one."""
    all_parts = list(parts)
    return {name: np.concatenate([part[name] for part in all_parts]) for name in all_parts[0]}


def blurred(images: Images, sigma_px: float) -> Iterator[NDArray[np.uint8]]:
    """The same images out of focus."""
    for image_rgb in images:
        yield np.asarray(cv2.GaussianBlur(image_rgb, (0, 0), sigma_px), np.uint8)


def noise(count: int, generator: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Pictures of nothing, of the size of crops."""
    for _ in range(count):
        yield generator.integers(0, 256, (CROP_SIZE_PX, CROP_SIZE_PX, 3), np.uint8)


def ceilings(real: Sequence[NDArray[np.uint8]], encoder: BlazePoseEncoder) -> dict[str, Pooled]:
    """What crops must be nearer than: the real ones out of focus, and noise."""
    sets = {f"real, blurred by {px:g} px": pooled(blurred(real, px), encoder) for px in BLURS_PX}
    return sets | {"noise": pooled(noise(_NOISE_PICTURES, np.random.default_rng(0)), encoder)}


def report(
    clips: Mapping[str, Sequence[NDArray[np.uint8]]], crops: Mapping[str, Images], *, maps: Sequence[str] = ALL_MAPS
) -> list[Closeness]:
    """Floor, ceiling and the given sets of crops against the real crops of `clips`."""
    with crop_encoder(maps, network=partial(landmark_onnx, FULL)) as encoder:
        real = {name: pooled(images, encoder) for name, images in clips.items()}
        sets = ceilings([image for images in clips.values() for image in images], encoder)
        sets |= {name: pooled(images, encoder) for name, images in crops.items()}
    return references(real) + compared(joined(real.values()), sets)


def table(rows: Sequence[Closeness]) -> str:
    """Lines of text, one block for each pooled map."""
    lines = []
    for features in dict.fromkeys(row.features for row in rows):
        lines.append(f"{features:52} {'count':>6} {'kernel distance':>20} {'Frechet':>9}")
        for row in (each for each in rows if each.features == features):
            second = "-" if row.frechet is None else f"{row.frechet:.3g}"
            lines.append(f"  {row.name:50} {row.count:6} {row.kernel!s:>20} {second:>9}")
    return "\n".join(lines)


def as_json(rows: Iterable[Closeness]) -> list[dict[str, str | int | float | None]]:
    return [
        {
            "crops": row.name, "features": row.features, "count": row.count,
            "kernel_distance": row.kernel.value, "error": row.kernel.error, "frechet": row.frechet,
        }
        for row in rows
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compare directories of crops; `di2pose data closeness` cuts the real."
    )
    parser.add_argument("--real", type=Path, required=True, help="Directory of real crops; folders in it are clips.")
    parser.add_argument("--crops", type=Path, action="append", default=[], help="Repeat for several directories.")
    parser.add_argument("--map", action="append", default=[], help="Only this feature map; repeat for several.")
    parser.add_argument("--json", type=Path, help="Also write the rows there.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folders = sorted(path for path in asked.real.iterdir() if path.is_dir()) or [asked.real]
    real = {folder.name: list(crop_pictures(folder)) for folder in folders}
    rows = report(real, {str(each): crop_pictures(each) for each in asked.crops}, maps=tuple(asked.map) or ALL_MAPS)
    log.info("%s", table(rows))
    if asked.json:
        asked.json.write_text(json.dumps(as_json(rows), indent=2), encoding="utf-8")


def _part(clip: Pooled, half: int) -> Pooled:
    return {name: values[len(values) // 2 :] if half else values[: len(values) // 2] for name, values in clip.items()}


if __name__ == "__main__":
    main()
