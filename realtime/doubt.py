"""When a followed person is looked at a second time, and which look is believed.

A live model says itself how much in doubt it is. One frame in doubt is something that passes before the person; several
in a row may be a region that has slipped off the body, which nothing else tells: the landmark network is sure of its
presence there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.body.pose import PersonPose

_DOUBTED_SPREAD_MM = 350.0
"""Median of the joints' 90 % radii beyond which something is wrong. The mean error is 146 mm where it is 200 to 250,
249 up to 300, 384 up to 400 (24 rendered people in poses of balance); people before webcams, whose legs are never in
sight, have up to 346."""
_FAINT_SPREAD_MM = 450.0
"""Up to it a followed person whom the landmark network has lost is still estimated: something covers the person. On the
empty wall beside who has left the picture it is 490 and more."""
_FIRST_LOOK_AFTER = 3
"""Frames in doubt in a row. Looks come at once where one frame is enough, and under patches that change with every
frame the region then follows the worse look of two."""
_MOST_APART = 12
"""Frames between two looks at who stays in doubt."""
_SURER = 0.95
"""Of the first look's spread, below which the second is believed."""


def median_spread_mm(pose: PersonPose) -> float | None:
    """Of all joints; None where the estimator states no doubt."""
    return None if pose.spread_mm is None else float(np.median(pose.spread_mm))


def in_doubt(pose: PersonPose) -> bool:
    spread_mm = median_spread_mm(pose)
    return spread_mm is not None and spread_mm > _DOUBTED_SPREAD_MM


def is_faint(pose: PersonPose) -> bool:
    """Whether the pose says something of its person although nobody seems to be there."""
    spread_mm = median_spread_mm(pose)
    return spread_mm is not None and spread_mm <= _FAINT_SPREAD_MM


def surer(second: PersonPose, first: PersonPose) -> PersonPose:
    """The second look where it is clearly less in doubt, else the first."""
    spreads_mm = median_spread_mm(second), median_spread_mm(first)
    if spreads_mm[0] is None or spreads_mm[1] is None:
        return first
    return second if spreads_mm[0] < _SURER * spreads_mm[1] else first


@dataclass(slots=True)
class Doubt:
    """How long one person has been in doubt, and when the next look is due: later and later, as whose legs are out of
    the picture stays in doubt."""

    _frames: int = 0
    _due: int = _FIRST_LOOK_AFTER

    def asks(self, pose: PersonPose) -> bool:
        """Whether this frame's pose wants a second look; once per frame."""
        if not in_doubt(pose):
            self._frames, self._due = 0, _FIRST_LOOK_AFTER
            return False
        self._frames += 1
        if self._frames < self._due:
            return False
        self._due = self._frames + min(self._frames, _MOST_APART)
        return True
