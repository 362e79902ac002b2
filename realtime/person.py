"""One person in one frame, as the line hands it to the publisher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.body.pose import PersonPose

TrackState = Literal["new", "tracked", "predicted", "lost"]


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """A pose with the identity that the tracker gave it."""

    person_id: int
    """Stays with the person as long as the track lives; never given to another one in the same session."""
    state: TrackState
    """new: first seen now; tracked: seen again; predicted: not measured in this frame; lost: last message about it."""
    score: float
    """0..1, how sure the tracker is that this is a person and the same one."""
    pose: PersonPose

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score must lie in 0..1, got {self.score}")
