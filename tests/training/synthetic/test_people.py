"""Casts never share anybody, persons depend on seed and index alone, and stand on the ground."""

from __future__ import annotations

import numpy as np
import pytest
from bone_motion import random_turns

from engine.body.skeleton import H36M17
from training.bodies import mean_offsets_mm, posed_mm
from training.cmu import TEST_SUBJECTS
from training.data_error import DataError
from training.joint_limits import angles_deg, plausible
from training.synthetic.cast import Cast, persons_for_test, places_for_test
from training.synthetic.colours import draw_cloth_rgb, draw_skin_rgb, hue_turned, saturated
from training.synthetic.low_poses import PICTURED_RARE
from training.synthetic.pack import Pack
from training.synthetic.people import People
from training.synthetic.posing import rig_turns
from training.synthetic.rig import ROW
from training.synthetic.source import KINDS


def test_casts_share_no_person_place_or_subject(pack: Pack) -> None:
    train, test = Cast.of(pack, "train"), Cast.of(pack, "test")
    assert set(test.persons) == {"AIAN_F_2", "White_M_3"}
    assert set(train.persons) == {"AIAN_F_1", "White_M_1"}
    assert test.outfits["White_M_3"] == ("White_M_3_Casual", "White_M_3_Medi")
    assert not set(train.backgrounds) & set(test.backgrounds)
    assert set(train.backgrounds) | set(test.backgrounds) == set(pack.background_names)
    assert train.motion.subjects == {"01", "13"}
    assert test.motion.subjects <= TEST_SUBJECTS


def test_a_sixth_of_the_persons_of_both_sexes_and_all_groups_is_for_testing() -> None:
    groups = ("AIAN", "Asian", "Black", "Hispanic", "MENA", "NHPI", "White")
    persons = [f"{group}_{sex}_{n}" for group in groups for sex in "FM" for n in (1, 2, 3)]
    chosen = persons_for_test([*persons, "X_NHPI_M_1"])
    assert {person.removeprefix("X_").split("_")[0] for person in chosen} == set(groups)
    assert {person.split("_")[-2] for person in chosen} == {"F", "M"}
    assert chosen == persons_for_test(reversed([*persons, "X_NHPI_M_1"]))
    with pytest.raises(DataError, match="Robot: file name: is not GROUP_SEX_NUMBER"):
        persons_for_test(["Robot"])


def test_pictures_of_one_place_stay_together() -> None:
    names = [f"{place}_0{n}_1k" for place in "abcdefghijkl" for n in (1, 2)]
    chosen = places_for_test(names)
    assert chosen == {"c_01_1k", "c_02_1k", "i_01_1k", "i_02_1k"}


def test_a_cast_without_persons_is_refused(pack: Pack) -> None:
    few = {name: content for name, content in pack.members.items() if not name.startswith("avatars/AIAN_F_1")}
    few = {name: content for name, content in few.items() if not name.startswith("avatars/White_M_1")}
    with pytest.raises(DataError, match="too few for a split: none for train"):
        Cast.of(Pack(pack.path, pack.manifest, few), "train")


def test_a_person_depends_on_seed_and_index_alone(cast: Cast) -> None:
    one, other = People(cast, 7), People(cast, 7)
    forward = [one.person(index) for index in (3, 130, 131)]
    backward = [other.person(index) for index in (131, 130, 3)][::-1]
    for ours, theirs in zip(forward, backward, strict=True):
        assert ours.actor is theirs.actor
        np.testing.assert_array_equal(ours.placed.vertices_mm, theirs.placed.vertices_mm)
        np.testing.assert_array_equal(ours.joints_mm, theirs.joints_mm)
        np.testing.assert_array_equal(ours.placed.cloth_rgb, theirs.placed.cloth_rgb)
    assert not np.array_equal(forward[0].joints_mm, People(cast, 8).person(3).joints_mm)
    assert not np.array_equal(forward[0].joints_mm, one.person(3, owner=1).joints_mm)
    assert one.person(3, owner=1).placed.owner == 1


def test_persons_stand_on_the_ground_over_the_origin(people: People) -> None:
    lowest = np.array([people.person(index).placed.vertices_mm[:, 1].min() for index in range(60)])
    assert np.mean(np.abs(lowest) < 0.1) > 0.75
    assert lowest.min() > -0.1
    assert lowest.max() < 400
    np.testing.assert_allclose(people.person(0).joints_mm[0, [0, 2]], 0, atol=1e-6)


def test_most_people_of_the_kind_that_stands_have_straight_legs(cast: Cast) -> None:
    def straight(kind: str) -> float:
        people = People(cast, seed=3, augmentation=KINDS[kind].poses)
        angles = angles_deg(np.stack([people.person(index).joints_mm for index in range(120)]))
        knees = np.stack([angles["left_knee_flexion"], angles["right_knee_flexion"]])
        return float(np.mean(np.max(knees, axis=0) < 25))

    assert straight("standing") > 0.5 > 0.25 > straight("mixed")


def test_the_kinds_that_sit_and_balance_do_so(cast: Cast) -> None:
    def hips_flexed_and_one_knee_straight(kind: str) -> tuple[float, float]:
        people = People(cast, seed=3, augmentation=KINDS[kind].poses)
        angles = angles_deg(np.stack([people.person(index).joints_mm for index in range(120)]))
        hips, knees = (np.stack([angles[f"{s}_{part}_flexion"] for s in ("left", "right")]) for part in ("hip", "knee"))
        return float(np.mean(np.nanmin(hips, axis=0) > 55)), float(
            np.mean((knees.min(axis=0) < 25) & (knees.max(axis=0) > 40))
        )

    seated, balance, mixed = (hips_flexed_and_one_knee_straight(kind) for kind in ("seated", "balance", "mixed"))
    assert seated[0] > 0.5 > mixed[0]
    assert balance[1] > mixed[1]


def test_what_is_placed_fits_its_look(people: People) -> None:
    for index in range(40):
        person = people.person(index)
        placed = person.placed
        assert placed.vertices_mm.dtype == placed.normals.dtype == np.float32
        assert len(placed.vertices_mm) == len(placed.normals) == len(placed.look.uv)
        np.testing.assert_allclose(np.linalg.norm(placed.normals, axis=1), 1, atol=1e-3)
        low, high = placed.vertices_mm.min(axis=0) - 5, placed.vertices_mm.max(axis=0) + 5
        assert ((person.joints_mm > low) & (person.joints_mm < high)).all()


def test_ankles_knees_and_wrists_stay_within_human_limits() -> None:
    turns = rig_turns(random_turns(300, spread_rad=0.6), np.random.default_rng(0))
    for side in ("Left", "Right"):
        for above, below, limit_deg in (("Leg", "Foot", 55), ("Foot", "ToeBase", 46), ("ForeArm", "Hand", 75)):
            own = np.swapaxes(turns[:, ROW[f"{side}{above}"]], 1, 2) @ turns[:, ROW[f"{side}{below}"]]
            angle = np.degrees(np.arccos(np.clip((np.trace(own, axis1=1, axis2=2) - 1) / 2, -1, 1)))
            assert angle.max() < limit_deg


def test_feet_of_upright_people_are_mostly_level() -> None:
    turns = rig_turns(random_turns(300, spread_rad=0.15), np.random.default_rng(0))
    level = np.degrees(np.arccos(np.clip(turns[:, [ROW["LeftFoot"], ROW["RightFoot"]], 1, 1], -1, 1)))
    assert np.mean(level < 8) > 0.6


@pytest.mark.parametrize("kind", PICTURED_RARE)
def test_rare_kinds_are_mostly_human(kind: str) -> None:
    rng = np.random.default_rng(0)
    changed = PICTURED_RARE[kind](random_turns(200, spread_rad=0.08), rng)
    np.testing.assert_allclose(
        changed @ np.swapaxes(changed, -1, -2), np.broadcast_to(np.eye(3), changed.shape), atol=1e-5
    )
    assert plausible(posed_mm(changed, mean_offsets_mm(200))).mean() > 0.8


def test_new_kinds_are_what_they_are_called() -> None:
    def joints_mm(kind: str) -> dict[str, np.ndarray]:
        changed = PICTURED_RARE[kind](random_turns(100, spread_rad=0.05), np.random.default_rng(1))
        return dict(zip(H36M17.names, np.moveaxis(posed_mm(changed, mean_offsets_mm(100)), 1, 0), strict=True))

    crouched, kneeling, kick, hands = (joints_mm(kind) for kind in ("crouching", "kneeling", "high_leg", "on_hands"))
    assert np.median(crouched["left_ankle"][:, 1]) > -650
    lower_knee = np.minimum(kneeling["left_knee"], kneeling["right_knee"])[:, 1]
    assert np.mean(lower_knee - np.minimum(kneeling["left_ankle"], kneeling["right_ankle"])[:, 1] < 150) > 0.8
    assert np.mean(np.maximum(kick["left_ankle"], kick["right_ankle"])[:, 1] > -450) > 0.85
    assert np.mean(np.maximum(hands["left_wrist"], hands["right_wrist"])[:, 1] < hands["thorax"][:, 1] - 200) > 0.9


def test_colours_keep_what_they_promise(pack: Pack) -> None:
    rng = np.random.default_rng(0)
    grey, luma = np.full(3, 0.4), np.array([0.2126, 0.7152, 0.0722])
    for angle in (-2.0, 0.3, 3.0):
        np.testing.assert_allclose(hue_turned(angle) @ grey, grey, atol=1e-9)
        assert luma @ hue_turned(angle) @ (0.5, 0.2, 0.7) == pytest.approx(luma @ (0.5, 0.2, 0.7))
    np.testing.assert_allclose(saturated(0.0) @ (0.5, 0.2, 0.7), luma @ (0.5, 0.2, 0.7))
    actor = pack.actor("White_M_3_Casual")
    for _ in range(200):
        skin = draw_skin_rgb(rng, actor) @ actor.skin_rgb
        assert 0.02 < luma @ skin < 0.62
        assert skin[0] > skin[1] > 0.8 * skin[2]
        assert np.isfinite(draw_cloth_rgb(rng)).all()
