"""Finds people and follows them: who is where in this frame, under stable ids.

Detection is costly and following is cheap. So the region of a person comes from that person's last pose, and the
detector runs only when somebody is missing, when a pose stops fitting the last one or stays in doubt, and every few
frames on one window of the picture in turn, for newcomers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.uncut import cut_person
from engine.body.crop import Region, SeenPerson
from engine.body.pose import PersonPose
from realtime import tracks, windows
from realtime.config import TrackingConfig
from realtime.doubt import in_doubt, is_faint, surer
from realtime.frame import Frame
from realtime.newcomers import CLEAR_SCORE, Newcomers
from realtime.person import TrackedPerson, TrackState
from realtime.tracks import Detection, Track
from realtime.windows import Window

Detect = Callable[[Frame, Sequence[Window]], list[Detection]]
"""People in these windows of a frame, best first, each once."""

CropOf = Callable[[int, NDArray[np.uint8], Region, int], SeenPerson]
"""(id, frame, region, side of the crop) -> the person; cut out, or to be cut by whoever wants to see the crop."""

_DETECTED_AGAIN = 1.2
"""Detections nearer to a followed person than so many times the distance of two poses on one body are that person: the
detector's trunk is less sure than the pose's."""
_LOCAL_WINDOW = 2.0
"""Side of the window in which a missing person is looked for, in sizes of the last region."""
_CLOSER = 0.5
"""Side of the window in which who is clear to the detector alone is looked for, in shorter sides of the picture."""


class PersonFinder:
    """Per frame call `persons`, `judge` (again with the poses of the crops it asks for), `settle` and `update`."""

    def __init__(
        self, detect: Detect, *, crop_size_px: int, config: TrackingConfig, crop_of: CropOf = cut_person
    ) -> None:
        self._detect, self._crop_of = detect, crop_of
        self._crop_size_px = crop_size_px
        self._config = config
        self._tracks: dict[int, Track] = {}
        self._lost: dict[int, Track] = {}
        self._detected: dict[int, Detection] = {}
        self._newcomers = Newcomers(config)
        self._ids = itertools.count(1)
        self._provisional = itertools.count(-1, -1)
        self._frames_until_tiles = 0
        self._frames_until_window = config.detect_every_frames
        self._turn = 0
        self._looked_again = False
        self._first_looks: dict[int, PersonPose] = {}
        self._faint: set[int] = set()
        """Who is estimated in this frame although the landmark network sees nobody; looked for where last seen."""

    def reset(self) -> None:
        """Forget everybody (the source began anew); ids are not given out again."""
        self._tracks.clear()
        self._lost.clear()
        self._detected.clear()
        self._newcomers.forget()
        self._frames_until_tiles = 0

    def persons(self, frame: Frame) -> list[SeenPerson]:
        """A crop for everybody followed and for every newcomer; newcomers have negative ids until believed."""
        self._looked_again = False
        self._detected.clear()
        self._first_looks.clear()
        self._faint.clear()
        followed = [self._crop(frame, track.person_id, track.region) for track in self._tracks.values()]
        return followed + self._taken_in(frame, self._search(frame))

    def judge(self, frame: Frame, poses: Sequence[PersonPose]) -> tuple[list[PersonPose], list[SeenPerson]]:
        """Poses to believe, and crops for which the estimator is wanted once more.

        A followed person whose pose is absent, no longer fits or stays in doubt is searched with the detector near the
        old place; of the looks that fit the surer one is believed. Who is in neither counts as missing, unless the
        estimator itself says that something is known of the person. Where nobody is known, the whole picture has shown
        nobody and it is time for it, the tiles are searched; and whoever was clear to the detector there, but not to
        the estimator, is looked for closer by.
        """
        believed: list[PersonPose] = []
        doubtful: list[Track] = []
        doubted: list[Detection] = []
        for pose in poses:
            track = self._tracks.get(pose.person_id)
            if track is not None and self._looked_again:
                believed += self._of_two_looks(track, pose, frame)
            elif self._credible(track, pose, frame) and not (track is not None and track.doubt.asks(pose)):
                believed.append(pose)
            elif track is not None:
                self._first_looks[pose.person_id] = pose
                doubtful.append(track)
            elif not self._looked_again:
                doubted.append(self._detected[pose.person_id])
        again: list[SeenPerson] = []
        if not self._looked_again:
            again = self._look_again(frame, doubtful)
            believed += self._not_found(frame, doubtful, again)
            if not self._tracks and not believed:
                again += self._taken_in(frame, self._search_closer(frame, doubted) + self._search_tiles(frame))
        self._looked_again = True
        return believed, again

    def settle(self, frame: Frame, poses: Sequence[PersonPose]) -> list[PersonPose]:
        """One pose per body, newcomers under ids of their own (or the old one when found again)."""
        oldest_first = sorted(poses, key=lambda pose: (pose.person_id < 0, abs(pose.person_id)))
        kept: list[PersonPose] = []
        for pose in oldest_first:
            rival = next((k for k in kept if tracks.same_person(k, pose, self._config)), None)
            if rival is None:
                kept.append(pose)
            elif self._closer(pose, rival):
                kept[kept.index(rival)] = pose
        room = self._config.max_persons
        return [pose if pose.person_id > 0 else self._named(pose, frame) for pose in kept[:room]]

    def update(self, frame: Frame, poses: Iterable[PersonPose]) -> list[TrackedPerson]:
        """Remember this frame's (smoothed) poses; everybody's state, including who is missing."""
        seen = [self._seen(frame, pose) for pose in poses]
        here = {person.person_id for person in seen}
        missing = [track for track in self._tracks.values() if track.person_id not in here]
        absent = [self._missing(track, frame) for track in missing]
        self._lost = {
            who: track
            for who, track in self._lost.items()
            if frame.time_s - track.seen_s <= self._config.refind_for_s + self._config.predict_for_s
        }
        return sorted(seen + absent, key=lambda person: person.person_id)

    def _not_found(self, frame: Frame, doubtful: list[Track], again: list[SeenPerson]) -> list[PersonPose]:
        """What to believe of those whom the detector does not find."""
        found = {seen.person_id for seen in again}
        alone = [self._of_one_look(track, frame) for track in doubtful if track.person_id not in found]
        return list(itertools.chain.from_iterable(alone))

    def _of_two_looks(self, track: Track, second: PersonPose, frame: Frame) -> list[PersonPose]:
        first = self._first_looks[track.person_id]
        second_fits = self._credible(track, second, frame) or (in_doubt(first) and self._in_reach(track, second, frame))
        if second_fits:
            return [surer(second, first) if self._credible(track, first, frame) else second]
        somebody_else = self._as_newcomer(second, frame)
        return self._of_one_look(track, frame) + ([] if somebody_else is None else [somebody_else])

    def _of_one_look(self, track: Track, frame: Frame) -> list[PersonPose]:
        """The first look where it can be believed, or known to be faint for as long as a person is predicted."""
        first = self._first_looks[track.person_id]
        if self._credible(track, first, frame):
            return [first]
        recent = 0 <= frame.time_s - track.seen_s <= self._config.predict_for_s
        if recent and is_faint(first) and self._fits(track, first, frame):
            self._faint.add(track.person_id)
            return [first]
        return []

    def _in_reach(self, track: Track, pose: PersonPose, frame: Frame) -> bool:
        """Whether it may be this person, whose last place is in doubt."""
        if pose.next_region is None or pose.presence < self._config.min_presence:
            return False
        near = tracks.distance(track.trunk_px, tracks.trunk_px(pose), track.region.size_px) <= self._config.max_reach
        return near and tracks.in_picture(pose, frame.size_wh)

    def _crop(self, frame: Frame, person_id: int, region: Region) -> SeenPerson:
        return self._crop_of(person_id, frame.image_rgb, region, self._crop_size_px)

    def _search(self, frame: Frame) -> list[Detection]:
        """The whole picture when nobody is known, else one window in turn now and then; and doubtful newcomers."""
        self._newcomers.next_frame()
        found = self._detect(frame, self._due(frame))
        return found + self._detect(frame, self._newcomers.not_in(found))

    def _due(self, frame: Frame) -> list[Window]:
        whole = windows.whole(frame.size_wh)
        self._frames_until_window -= 1
        if self._tracks and self._frames_until_window > 0:
            return []
        self._frames_until_window = self._config.detect_every_frames
        if not self._tracks:
            return [whole]
        cycle = [whole, *windows.coarse_tiles(frame.size_wh)]
        self._turn += 1
        return [cycle[self._turn % len(cycle)]]

    def _search_closer(self, frame: Frame, doubted: Sequence[Detection]) -> list[Detection]:
        """The clearest of those of whom the estimator made nothing: of who bends far over the detector may know where,
        but neither how large nor which way up. What it says closer by counts, and the better of both scores."""
        clearest = max(doubted, key=lambda one: one.score, default=None)
        if clearest is None or clearest.score < CLEAR_SCORE:
            return []
        window = windows.around(tuple(clearest.trunk_px.mean(axis=0)), _CLOSER * min(frame.size_wh))
        found = self._detect(frame, [window])
        return [replace(one, score=max(one.score, clearest.score)) for one in found[:1]]

    def _search_tiles(self, frame: Frame) -> list[Detection]:
        """All coarse tiles and one fine one in turn, every few frames."""
        self._frames_until_tiles -= 1
        if self._frames_until_tiles > 0:
            return []
        self._frames_until_tiles = self._config.search_every_frames
        fine = windows.fine_tiles(frame.size_wh)
        self._turn += 1
        return self._detect(frame, windows.coarse_tiles(frame.size_wh) + fine[self._turn % max(len(fine), 1) :][:1])

    def _taken_in(self, frame: Frame, detections: Sequence[Detection]) -> list[SeenPerson]:
        """Crops of those detections that are nobody already followed."""
        crops = []
        for detection in detections[: self._config.max_persons - len(self._tracks)]:
            if not any(self._is_here(track, detection) for track in self._tracks.values()):
                who = next(self._provisional)
                self._detected[who] = detection
                crops.append(self._crop(frame, who, detection.region))
        return crops

    def _is_here(self, track: Track, detection: Detection) -> bool:
        near = tracks.distance(detection.trunk_px, track.trunk_px, track.region.size_px)
        return near < _DETECTED_AGAIN * self._config.same_person

    def _credible(self, track: Track | None, pose: PersonPose, frame: Frame) -> bool:
        if track is not None:
            return pose.presence >= self._config.min_presence and self._fits(track, pose, frame)
        if pose.next_region is None or not tracks.in_picture(pose, frame.size_wh):
            return False
        return self._newcomers.believed(self._detected[pose.person_id], pose)

    def _fits(self, track: Track, pose: PersonPose, frame: Frame) -> bool:
        if pose.next_region is None or not tracks.in_picture(pose, frame.size_wh):
            return False
        return tracks.fits(track, pose, time_s=frame.time_s, config=self._config)

    def _look_again(self, frame: Frame, doubtful: Sequence[Track]) -> list[SeenPerson]:
        crops = []
        for track in doubtful:
            window = windows.around(track.region.centre_px, _LOCAL_WINDOW * track.region.size_px)
            own = (found for found in self._detect(frame, [window]) if self._nearest(found) is track)
            for detection in itertools.islice(own, 1):
                self._detected[track.person_id] = detection
                crops.append(self._crop(frame, track.person_id, detection.region))
        return crops

    def _nearest(self, detection: Detection) -> Track:
        return min(
            self._tracks.values(),
            key=lambda track: tracks.distance(detection.trunk_px, track.trunk_px, track.region.size_px),
        )

    def _as_newcomer(self, pose: PersonPose, frame: Frame) -> PersonPose | None:
        """Who was found where a missing person was looked for and is not that person may be somebody new."""
        who = next(self._provisional)
        self._detected[who] = self._detected[pose.person_id]
        newcomer = replace(pose, person_id=who)
        return newcomer if self._credible(None, newcomer, frame) else None

    def _closer(self, pose: PersonPose, rival: PersonPose) -> bool:
        """Of two followed people on one body: whether `pose` moved less from its own last place than `rival`."""
        moved = []
        for one in (pose, rival):
            track = self._tracks.get(one.person_id)
            if track is None:
                return False
            moved.append(tracks.distance(tracks.trunk_px(one), track.trunk_px, track.region.size_px))
        return moved[0] < moved[1]

    def _named(self, pose: PersonPose, frame: Frame) -> PersonPose:
        """A newcomer becomes the lost person who was last seen at this place, or somebody new."""
        back = [track for track in self._lost.values() if self._same_again(track, pose)]
        if back:
            track = min(back, key=lambda t: tracks.distance(t.trunk_px, tracks.trunk_px(pose), t.region.size_px))
            del self._lost[track.person_id]
            track.is_new = False
        else:
            track = Track(next(self._ids), self._detected[pose.person_id].region, frame.time_s, pose)
        self._tracks[track.person_id] = track
        return replace(pose, person_id=track.person_id)

    def _same_again(self, track: Track, pose: PersonPose) -> bool:
        ratio = tracks.pose_size_px(pose, track.region.size_px) / track.region.size_px
        near = tracks.distance(track.trunk_px, tracks.trunk_px(pose), track.region.size_px)
        return near <= self._config.max_reach and 1 / 1.6 <= ratio <= 1.6

    def _seen(self, frame: Frame, pose: PersonPose) -> TrackedPerson:
        track = self._tracks[pose.person_id]
        state: TrackState = "new" if track.is_new else "tracked"
        track.is_new = False
        if pose.person_id in self._faint:
            return TrackedPerson(pose.person_id, state, _score(pose), pose)
        track.pose = pose
        track.seen_s = frame.time_s
        if pose.next_region is not None:
            track.region = tracks.steadied(track.region, pose.next_region)
        return TrackedPerson(pose.person_id, state, _score(pose), pose)

    def _missing(self, track: Track, frame: Frame) -> TrackedPerson:
        """Predicted for a while where last seen, then lost, said once."""
        gap_s = frame.time_s - track.seen_s
        patience_s = self._config.predict_for_s
        state: TrackState = "predicted" if 0 <= gap_s <= patience_s else "lost"
        if state == "lost":
            del self._tracks[track.person_id]
            self._lost[track.person_id] = track
        fade = max(0.0, 1.0 - gap_s / patience_s)
        return TrackedPerson(track.person_id, state, _score(track.pose) * fade, track.pose)


def _score(pose: PersonPose) -> float:
    return pose.presence * tracks.clarity(pose)
