"""How a worker process gets its source of crops: a recipe for opening one that can be sent to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.body.crop import inverted, transformed
from training.data_directory import DataDirectory
from training.synthetic.clock import StageClock
from training.synthetic.recipe import Recipe
from training.synthetic.scene import Crop, CropSource


class TimedSource(CropSource, Protocol):
    """A source that says what its time goes into and what draws its pictures."""

    @property
    def clock(self) -> StageClock: ...

    @property
    def renderer(self) -> str:
        """The graphics driver's own name and version."""
        ...


Opening = Callable[[], AbstractContextManager[TimedSource]]
"""Called once in each worker; must be picklable."""


@dataclass(frozen=True, slots=True)
class SceneOpening:
    """Opens the source of synthetic people that a recipe asks for."""

    data: Path
    recipe: Recipe

    @contextmanager
    def __call__(self) -> Iterator[TimedSource]:
        from training.synthetic.source import open_source  # slow to import and needed in workers only

        data, recipe = DataDirectory.find(self.data), self.recipe
        with open_source(data, seed=recipe.seed, split=recipe.split, kind=recipe.kind) as source:
            yield source


@dataclass(frozen=True, slots=True)
class WindowedSource:
    """The crops of another source, cut to their middle."""

    whole: TimedSource
    window_wh: tuple[int, int]

    @property
    def clock(self) -> StageClock:
        return self.whole.clock

    @property
    def renderer(self) -> str:
        return self.whole.renderer

    def crop(self, index: int) -> Crop:
        return windowed(self.whole.crop(index), self.window_wh)


def windowed(crop: Crop, window_wh: tuple[int, int]) -> Crop:
    """The middle of a crop; a joint outside it is no longer visible."""
    size_wh = np.array(crop.image_rgb.shape[1::-1])
    left, top = ((size_wh - window_wh) // 2).tolist()
    width, height = window_wh
    frame_from_crop = crop.frame_from_crop.copy()
    frame_from_crop[:, 2] = transformed((left, top), crop.frame_from_crop)
    places_px = transformed(crop.joints_px, inverted(frame_from_crop))
    inside = ((places_px >= -0.5) & (places_px <= np.array(window_wh) - 0.5)).all(axis=1)
    return replace(
        crop,
        image_rgb=np.ascontiguousarray(crop.image_rgb[top : top + height, left : left + width]),
        visible=crop.visible & inside,
        frame_from_crop=frame_from_crop,
    )
