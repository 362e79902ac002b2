"""People in windows of a frame, with the BlazePose detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.blazepose.decode import BODY_SCALE, HIP_CENTRE, SHOULDER_CENTRE, Detections, decoded, in_frame, merged
from engine.blazepose.networks import DETECTOR_SIZE_PX, INPUT_NAME
from engine.blazepose.regions import region_around
from engine.blazepose.warp import cut_small, detector_input
from engine.body.crop import Region
from engine.runtime.backend import Backend
from realtime import tracks
from realtime.frame import Frame
from realtime.stages import StageClock
from realtime.tracks import Detection
from realtime.windows import Window

_SAME = 0.2
"""Two detections whose trunks lie nearer than this, in sizes of the region, are one person seen in two windows."""


class PersonDetector:
    """Callable as the finder wants it. The backend belongs to the caller."""

    def __init__(self, backend: Backend, *, min_score: float, clock: StageClock) -> None:
        self._backend = backend
        self._min_score = min_score
        self._clock = clock

    def __call__(self, frame: Frame, windows: Sequence[Window]) -> list[Detection]:
        """Everybody in these windows, best first, each once."""
        found = []
        with self._clock.stage("detect"):
            for window in windows:
                found += self._in_window(frame, window)
        return _each_once(found)

    def _in_window(self, frame: Frame, window: Window) -> list[Detection]:
        region = Region(window.centre_px, window.side_px)
        picture, frame_from_crop = cut_small(frame.image_rgb, region, DETECTOR_SIZE_PX)
        outputs = self._backend.run({INPUT_NAME: detector_input(picture[None])})
        people = decoded(outputs["boxes"][0], outputs["scores"][0], min_score=self._min_score)
        return _detections(in_frame(merged(people), frame_from_crop))


def _detections(people: Detections) -> list[Detection]:
    made = []
    for score, points in zip(people.scores, people.points.astype(np.float64), strict=True):
        region = region_around(points[HIP_CENTRE], points[BODY_SCALE])
        if region is not None:
            made.append(Detection(float(score), points[[HIP_CENTRE, SHOULDER_CENTRE]], region))
    return made


def _each_once(found: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: -detection.score):
        sizes = (max(one.region.size_px, other.region.size_px) for other in kept)
        apart = (tracks.distance(one.trunk_px, other.trunk_px, size) for other, size in zip(kept, sizes, strict=True))
        if all(gap > _SAME for gap in apart):
            kept.append(one)
    return kept
