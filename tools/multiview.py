"""Runs the line over the views of a calibrated recording, for `di2pose evaluate multiview`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.pip_download import Progress, silent
from realtime.config import LineConfig, SmoothingConfig
from realtime.frame import Frame, SourceEvent
from realtime.parts import live_parts
from realtime.person import TrackedPerson
from realtime.sources import SourceOptions, open_source
from training.calibrated_views import Moments, Recording, View, pair, read_recording
from training.data_error import DataError
from training.multiview import References, Sightings, references
from training.multiview_patch import Patch
from training.multiview_score import Candidate
from training.multiview_sightings import patches_of, sightings_of
from training.triangulation import Rules

REFERENCE_ESTIMATOR = "blazepose"
Measured = list[list[TrackedPerson]]
"""Per moment the people found in this very frame."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall be measured, and who is told when a frame is done."""

    every: int = 1
    cover: Literal["nothing", "a joint"] = "nothing"
    rules: Rules = field(default_factory=Rules)
    on_frame: Callable[[], None] = lambda: None
    progress: Progress = silent


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A recording with its references, and the patches that are laid over its views."""

    recording: Recording
    moments: Moments
    sightings: Sightings
    references: References
    patches: list[list[Patch | None]] | None


def prepared(directory: Path, asked: Asked) -> Prepared:
    """References from BlazePose's 2D joints in all views, unsmoothed. DataError where the recording cannot serve."""
    recording = read_recording(directory)
    moments = moments_of(recording, every=asked.every)
    plain = LineConfig(smoothing=SmoothingConfig(enabled=False))
    found = [
        people_in(view, moments.frames[:, row], asked, estimator=REFERENCE_ESTIMATOR, config=plain)
        for row, view in enumerate(recording.views)
    ]
    poses = [[[person.pose for person in people] for people in of_view] for of_view in found]
    sightings = sightings_of(recording.views, poses)
    known = references(recording.views, sightings, rules=asked.rules)
    patches = patches_of(recording.views, poses, known) if asked.cover == "a joint" else None
    return Prepared(recording, moments, sightings, known, patches)


def moments_of(recording: Recording, *, every: int) -> Moments:
    """One of `every` moments that all views share, by the frame counts in the videos' own headers."""
    counts = {}
    for view in recording.views:
        with open_source(str(view.video), SourceOptions(pace="max")) as source:
            counts[view.name] = source.frame_count or 0
            if source.size_wh != view.camera.size_wh:
                problem = f"pictures of {source.size_wh}, calibrated for {view.camera.size_wh}"
                raise DataError.of(view.video, "size", problem, cure="calibrate at the size that is recorded")
    return pair(recording, counts).every(every)


def people_of(ready: Prepared, asked: Asked, *, estimator: str, config: LineConfig) -> list[Measured]:
    """Per view the people of the estimator that is scored, under patches where there are some."""
    return [
        people_in(
            view,
            ready.moments.frames[:, row],
            asked,
            estimator=estimator,
            config=config,
            patches=None if ready.patches is None else ready.patches[row],
        )
        for row, view in enumerate(ready.recording.views)
    ]


def people_in(
    view: View,
    frames: NDArray[np.intp],
    asked: Asked,
    *,
    estimator: str,
    config: LineConfig,
    patches: Sequence[Patch | None] | None = None,
) -> Measured:
    """By the whole line, with the view's own lens; it sees these frames only (rising)."""
    people: Measured = []
    with live_parts(estimator, config, camera_of=view.camera.resized, progress=asked.progress) as parts:
        for frame in frames_of(view, frames, patches=patches):
            everybody = parts.line.people(frame)
            people.append([person for person in everybody if person.state in ("new", "tracked")])
            asked.on_frame()
    return people


def frames_of(
    view: View, frames: NDArray[np.intp], *, patches: Sequence[Patch | None] | None = None
) -> Iterator[Frame]:
    """Exactly these frames of the view's video, in order; DataError where the video ends before the last."""
    at = 0
    with open_source(str(view.video), SourceOptions(pace="max")) as source:
        while at < len(frames):
            match source.read(1.0):
                case Frame() as frame if frame.index == frames[at]:
                    patch = None if patches is None else patches[at]
                    yield frame if patch is None else replace(frame, image_rgb=patch.laid_over(frame.image_rgb))
                    at += 1
                case SourceEvent(kind="ended") as event:
                    raise DataError.of(view.video, "video", event.text, cure="record or copy it again")


def candidates(people: Sequence[Measured]) -> list[list[list[Candidate]]]:
    """As the metric takes them."""
    return [[[_candidate(person) for person in moment] for moment in of_view] for of_view in people]


def _candidate(person: TrackedPerson) -> Candidate:
    pose = person.pose
    return Candidate(pose.joints_mm.astype(np.float64), pose.joints_px.astype(np.float64))
