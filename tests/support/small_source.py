"""A small real source of crops: cut from the bundled clip, with the joints of a posed body. As a script: a rendering
in a process of its own, which tests kill."""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from engine.body.camera import Camera
from engine.body.crop import Region, inverted, transformed
from realtime.file_source import Picture
from realtime.video_file import VideoFile
from training.bodies import mean_offsets_mm, posed_mm
from training.kinematics import axis_rotation
from training.synthetic.clock import StageClock
from training.synthetic.recipe import Recipe
from training.synthetic.scene import CROP_SIZE_PX, Crop

CLIP = Path(__file__).parents[2] / "realtime" / "demo.mp4"
CAMERA = Camera.from_fov((640, 480), 50.0)
RENDERER = "cut from the bundled clip"


@dataclass(frozen=True)
class SmallOpening:
    """Picklable, as workers need it; the last three settings make it go wrong or slow."""

    seed: int = 0
    fails_at: int | None = None
    dies_at: int | None = None
    delay_s: float = 0.0
    renderer: str = RENDERER

    @contextmanager
    def __call__(self) -> Iterator[SmallSource]:
        yield SmallSource(self)


class SmallSource:
    def __init__(self, opening: SmallOpening = SmallOpening()) -> None:
        self.clock = StageClock()
        self.renderer = opening.renderer
        self._opening = opening
        pictures = (item.image_rgb for item in VideoFile(CLIP, "demo").pictures() if isinstance(item, Picture))
        self._frames = list(islice(pictures, 8))

    def crop(self, index: int) -> Crop:
        self._go_wrong(index)
        rng = np.random.default_rng([self._opening.seed, index])
        with self.clock.stage("pose"):
            angles = rng.normal(0, 0.2, 17)
            turns = axis_rotation("X", np.pi) @ axis_rotation("Z", angles)
            joints_mm = posed_mm(turns[None].astype(np.float32), mean_offsets_mm(1))[0]
            root_mm = np.float32([rng.normal(0, 200), rng.normal(0, 100), rng.uniform(2500, 5000)])
            joints_px = CAMERA.project(joints_mm + root_mm).astype(np.float32)
        with self.clock.stage("draw"):
            centre = joints_px.mean(axis=0)
            region = Region(
                (float(centre[0]), float(centre[1])), float(rng.uniform(200, 400)), float(rng.normal(0, 0.2))
            )
            frame_from_crop = region.frame_from_crop(CROP_SIZE_PX)
            frame = self._frames[int(rng.integers(len(self._frames)))]
            size_wh = (CROP_SIZE_PX, CROP_SIZE_PX)
            image_rgb = cv2.warpAffine(frame, frame_from_crop, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        places_px = transformed(joints_px, inverted(frame_from_crop))
        return Crop(
            image_rgb=image_rgb,
            joints_mm=joints_mm,
            root_mm=root_mm,
            joints_px=joints_px,
            visible=((places_px >= 0) & (places_px < CROP_SIZE_PX)).all(axis=1),
            camera=CAMERA,
            frame_from_crop=frame_from_crop,
            about={"clip": "demo", "frame": index % 8, "size_px": region.size_px},
        )

    def _go_wrong(self, index: int) -> None:
        time.sleep(self._opening.delay_s)
        if index == self._opening.fails_at:
            raise ArithmeticError(f"crop {index} makes no sense")
        if index == self._opening.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def small_recipe(count: int = 45, *, crops_per_shard: int = 20, seed: int = 7) -> Recipe:
    return Recipe(seed=seed, split="test", kind="plain", count=count, crops_per_shard=crops_per_shard)


def main() -> None:
    from small_source import SmallOpening  # not this script's own: workers import it by its name

    from training.synthetic.rendering import render

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--delay-s", type=float, default=0.0)
    given = parser.parse_args()
    opening = SmallOpening(seed=7, delay_s=given.delay_s)
    render(small_recipe(), given.out, opening=opening, workers=given.workers)


if __name__ == "__main__":
    main()
