"""People in windows of a frame, with the BlazePose detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.decode import (
    BODY_SCALE,
    HIP_CENTRE,
    SHOULDER_CENTRE,
    Detections,
    decoded,
    in_frame,
    merged,
    overlap,
)
from engine.blazepose.networks import DETECTOR_SIZE_PX, INPUT_NAME
from engine.blazepose.regions import region_around, shown_to_detector
from engine.blazepose.warp import cut_small, detector_input
from engine.runtime.backend import Backend
from realtime import tracks
from realtime.frame import Frame
from realtime.stages import StageClock
from realtime.tracks import Detection
from realtime.windows import Window

_SAME_TRUNK = 0.2
"""In sizes of the region."""
_SAME_FACE = 0.3
"""Intersection over union, as inside one window."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    person: Detection
    face_xyxy: NDArray[np.float32]


class PersonDetector:
    """Callable as the finder wants it. The backend belongs to the caller."""

    def __init__(self, backend: Backend, *, min_score: float, clock: StageClock) -> None:
        self._backend = backend
        self._min_score = min_score
        self._clock = clock

    def __call__(self, frame: Frame, windows: Sequence[Window]) -> list[Detection]:
        """Everybody in these windows, best first, each once."""
        with self._clock.stage("detect"):
            found = [sighting for window in windows for sighting in self._in_window(frame, window)]
        return _each_once(found)

    def _in_window(self, frame: Frame, window: Window) -> list[_Sighting]:
        region = shown_to_detector(window.middle_px, window.side_px)
        picture, frame_from_crop = cut_small(frame.image_rgb, region, DETECTOR_SIZE_PX)
        outputs = self._backend.run({INPUT_NAME: detector_input(picture[None])})
        people = decoded(outputs["boxes"][0], outputs["scores"][0], min_score=self._min_score)
        return _sightings(in_frame(merged(people), frame_from_crop))


def _sightings(people: Detections) -> list[_Sighting]:
    made = []
    for score, box, points in zip(people.scores, people.boxes_xyxy, people.points.astype(np.float64), strict=True):
        region = region_around(points[HIP_CENTRE], points[BODY_SCALE])
        if region is not None:
            made.append(_Sighting(Detection(float(score), points[[HIP_CENTRE, SHOULDER_CENTRE]], region), box))
    return made


def _each_once(found: list[_Sighting]) -> list[Detection]:
    kept: list[_Sighting] = []
    for one in sorted(found, key=lambda sighting: -sighting.person.score):
        if not any(_same(one, other) for other in kept):
            kept.append(one)
    return [sighting.person for sighting in kept]


def _same(one: _Sighting, other: _Sighting) -> bool:
    """One person seen in two windows: the trunks or the faces lie on each other."""
    size = max(one.person.region.size_px, other.person.region.size_px)
    near = tracks.distance(one.person.trunk_px, other.person.trunk_px, size) <= _SAME_TRUNK
    return near or float(overlap(one.face_xyxy, other.face_xyxy[None])[0]) > _SAME_FACE
