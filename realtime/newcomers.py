"""Whom to believe: when a detection becomes a person with an id.

The detector also fires on table legs, and on the head of somebody of whom nothing else is in the picture yet. So
whoever comes must last: two frames where detector and pose agree and are sure, or where the pose's estimator states
little doubt itself, four frames else; one frame is enough where it states next to none. Between them may be a few in
which they disagree or see nothing, as where something passes before the person. Who is there in the very first frames
did not come and is believed at once when clear to the detector or to the pose's estimator, so that a single photograph
has people too, also when half of the body is out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.body.pose import PersonPose
from realtime import tracks, windows
from realtime.config import TrackingConfig
from realtime.doubt import median_spread_mm
from realtime.tracks import Detection
from realtime.windows import Window

CLEAR_SCORE = 0.75
_STRONG_PRESENCE = 0.8
_STRONG_CONFIDENCE = 0.7
_STRONG_AGREEMENT = 0.07
_WEAK_AGREEMENT = 0.12
"""Distance between the detector's trunk and the pose's, in sizes of the region: mostly up to 0.05 on people, mostly
above 0.07 on what was taken for people. Neither this nor score nor presence tells them apart alone
(docs/experiments.md)."""
_SURE_SPREAD_MM = 280.0
"""Median of the joints' 90 % radii up to which a live model is sure that there is a body: of 2,100 looks at real clips
it was below on 94 % of the people and never on table legs and heads (there 314 to 750)."""
_CERTAIN_SPREAD_MM = 190.0
"""Up to it one look is enough, if presence and agreement are strong too: of 427 looks at real clips 71 % of those at
people who were followed were such, and of the 145 others two, at somebody who had just come (docs/experiments.md)."""
_DOUBTED_SPREAD_MM = 380.0
"""Beyond it a look says nothing unless all else is clear: people who come into the picture head first are seen upside
down for a moment, with 400 to 420. The man of `multiview_desk`, whose legs are never in sight, has 346 or less in 95 of
100 frames."""
_FIRST_FRAMES = 3
"""Of a source, in which nobody can have come yet. With something before the face the detector may miss the first."""
_ENOUGH = 4
"""Evidence that makes a person: a doubtful look counts one, a sure one two."""
_SAME_PLACE = 0.3
_PATIENCE = 3
"""Frames in a row in which a doubtful newcomer may be missed."""


@dataclass(slots=True)
class _Suspect:
    trunk_px: NDArray[np.float64]
    size_px: float
    evidence: int
    missed: int = 0

    def is_at(self, other: _Suspect) -> bool:
        return self._near(other.trunk_px, other.size_px)

    def is_seen(self, detection: Detection) -> bool:
        return self._near(detection.trunk_px, detection.region.size_px)

    def _near(self, trunk_px: NDArray[np.float64], size_px: float) -> bool:
        return tracks.distance(self.trunk_px, trunk_px, max(self.size_px, size_px)) < _SAME_PLACE


@dataclass(slots=True)
class Newcomers:
    """Keeps the doubtful ones from frame to frame."""

    config: TrackingConfig
    _before: list[_Suspect] = field(default_factory=list)
    _now: list[_Suspect] = field(default_factory=list)
    _frames: int = 0

    def next_frame(self) -> None:
        waiting = [one for one in self._before if one.missed < _PATIENCE and not any(map(one.is_at, self._now))]
        for one in waiting:
            one.missed += 1
        self._before, self._now = self._now + waiting, []
        self._frames += 1

    def not_in(self, found: Sequence[Detection]) -> list[Window]:
        """Where doubtful newcomers were of late and nobody was found in this frame: to be looked at."""
        missed = [one for one in self._before if not any(map(one.is_seen, found))]
        return [windows.around(tuple(one.trunk_px.mean(axis=0)), 2 * one.size_px) for one in missed]

    def forget(self) -> None:
        """The next frame is a first one again."""
        self._before, self._now, self._frames = [], [], 0

    def believed(self, detection: Detection, pose: PersonPose) -> bool:
        """Whether this is a person beyond doubt, by this look or by having lasted."""
        if pose.presence < self.config.birth_presence:
            return False
        agreement = tracks.distance(detection.trunk_px, tracks.trunk_px(pose), detection.region.size_px)
        if agreement > _WEAK_AGREEMENT:
            return False
        agrees = agreement <= _STRONG_AGREEMENT
        present = pose.presence >= _STRONG_PRESENCE
        spread_mm = median_spread_mm(pose)
        clear = detection.score >= CLEAR_SCORE and present and agrees
        own_word = spread_mm is not None and spread_mm <= _SURE_SPREAD_MM and present
        if self._frames <= _FIRST_FRAMES and (clear or (own_word and agrees)):
            return True
        if spread_mm is not None and spread_mm > _DOUBTED_SPREAD_MM and not clear:
            return False
        certain = spread_mm is not None and spread_mm <= _CERTAIN_SPREAD_MM and present and agrees
        sure = own_word or (clear and tracks.clarity(pose) >= _STRONG_CONFIDENCE)
        evidence = (2 if sure else 1) + self._evidence_before(detection)
        if certain or evidence >= _ENOUGH:
            self._before = [one for one in self._before if not one.is_seen(detection)]
            return True
        self._now.append(_Suspect(detection.trunk_px, detection.region.size_px, evidence))
        return False

    def _evidence_before(self, detection: Detection) -> int:
        """What the frames before said about somebody at this place."""
        return max((one.evidence for one in self._before if one.is_seen(detection)), default=0)
