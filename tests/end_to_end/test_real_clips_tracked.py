"""Whole clips of real people through the line: who is found, under which id, where."""

from collections import defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from realtime.config import LineConfig
from realtime.parts import ESTIMATORS, camera_choice, live_parts
from realtime.sources import SourceOptions, open_source
from realtime.track_file import tracked

pytestmark = pytest.mark.usefixtures("networks_dir")

MAN_ON_THE_BLOCK = 160
"""Last frame in which the man of outdoor_walk stands on the block: afterwards he jumps off."""


@cache
def people_of(path: Path):
    """{person id: {frame index: joints_px}} of everybody measured in the clip."""
    seen = defaultdict(dict)

    def on_frame(frame, people):
        for person in people:
            if person.state in ("new", "tracked"):
                seen[person.person_id][frame.index] = person.pose.joints_px

    with (
        live_parts(ESTIMATORS[0], LineConfig(), camera_of=camera_choice()) as parts,
        open_source(str(path), SourceOptions(pace="max")) as source,
    ):
        tracked(source, parts, on_frame=on_frame)
    return dict(seen)


def test_squats_is_one_person_in_every_frame(shared_dir):
    people = people_of(shared_dir / "data" / "clips" / "squats_720x1280.mp4")
    assert list(people) == [1]
    assert sorted(people[1]) == list(range(65))


def test_the_man_on_the_block_is_there_in_every_frame_under_one_id(shared_dir):
    people = people_of(shared_dir / "data" / "clips" / "outdoor_walk_1768x994.mp4")
    man = people[1]
    assert set(range(MAN_ON_THE_BLOCK + 1)) <= set(man)
    for index in range(MAN_ON_THE_BLOCK + 1):
        pelvis_x, pelvis_y = man[index][0]
        assert 540 < pelvis_x < 880, index  # the block lies at x 60-740, he leans over its right edge at the end
        assert 150 < pelvis_y < 400, index


def test_the_woman_is_there_in_most_frames_in_the_right_place(shared_dir):
    people = people_of(shared_dir / "data" / "clips" / "outdoor_walk_1768x994.mp4")
    woman = people[2]
    seen = [index for index in range(45, 196) if index in woman]
    assert len(seen) >= 120
    steps = np.array([[index, woman[index][0][0]] for index in seen])
    expected = np.interp(steps[:, 0], [45, 76, 106, 137, 167, 195], [1531, 1262, 960, 655, 355, 60])  # read off frames
    assert np.abs(steps[:, 1] - expected).max() < 80
    assert all(600 < woman[index][0][1] < 860 for index in seen)


@pytest.mark.slow
def test_six_people_one_after_another_have_six_ids(shared_dir):
    people = people_of(shared_dir / "data" / "clips" / "office_people_768x432.mp4")
    assert list(people) == [1, 2, 3, 4, 5, 6]
    stays = [(min(frames), max(frames)) for frames in people.values()]
    assert all(end < begin for (_, end), (begin, _) in pairwise(stays))
    at_the_table = [(88, 177), (250, 414), (533, 681), (770, 829), (950, 1155), (1260, 1333)]  # read off the clip
    for frames, (begin, end) in zip(people.values(), at_the_table, strict=True):
        assert set(range(begin, end + 1)) <= set(frames)
