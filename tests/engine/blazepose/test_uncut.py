"""A person who is not cut out yet looks as one who is, once somebody looks."""

from __future__ import annotations

import numpy as np

from engine.blazepose.uncut import UncutPerson, cut_person
from engine.body.crop import Region, SeenPerson

FRAME = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


def test_the_crop_and_its_map_are_those_of_a_person_cut_at_once() -> None:
    region = Region((30.0, 20.0), 50.0, 0.3)
    uncut: SeenPerson = UncutPerson(7, FRAME, region, 32)
    wanted: SeenPerson = cut_person(7, FRAME, region, 32)
    assert uncut.person_id == wanted.person_id == 7 and wanted.image_rgb.shape == (32, 32, 3)
    np.testing.assert_array_equal(uncut.image_rgb, wanted.image_rgb)
    np.testing.assert_array_equal(uncut.frame_from_crop, wanted.frame_from_crop)


def test_the_frame_is_not_copied() -> None:
    assert UncutPerson(1, FRAME, Region((0.0, 0.0), 9.0), 32).frame_rgb is FRAME
