"""Who and what may appear where: persons, motions and places of training and of testing never meet.

Persons are split by who they are, never by outfit; places by place, never by picture (`studio_small_03` and
`studio_small_05` are one); motion by subject (`training.cmu.TEST_SUBJECTS`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from training.cmu import BoneMotion, Split
from training.data_error import DataError
from training.synthetic.pack import Pack

_PERSON = re.compile(r"(?:X_)?(?P<group>[A-Za-z]+)_(?P<sex>[FM])_\d+")
_TEST_PLACES = 6
"""One place in so many is for testing."""


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """One split of a pack."""

    pack: Pack
    split: Split
    outfits: dict[str, tuple[str, ...]]
    """Person -> names of its avatars."""
    backgrounds: tuple[str, ...]
    motion: BoneMotion

    @classmethod
    def of(cls, pack: Pack, split: Split) -> Cast:
        """DataError where a file's name does not say who it is, or a split would have nobody or no place."""
        outfits = defaultdict[str, list[str]](list)
        for name in pack.actor_names:
            outfits[name.rpartition("_")[0]].append(name)
        for_test = persons_for_test(outfits)
        chosen = {who: tuple(names) for who, names in outfits.items() if (who in for_test) == (split == "test")}
        places = places_for_test(pack.background_names)
        backgrounds = tuple(name for name in pack.background_names if (name in places) == (split == "test"))
        for what, found in (("avatars", chosen), ("backgrounds", backgrounds)):
            if not found:
                raise DataError.of(
                    pack.path, what, f"too few for a split: none for {split}", cure="pack more, see docs/data.md"
                )
        return cls(pack, split, chosen, backgrounds, pack.motion().part(split))

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(self.outfits)


def persons_for_test(persons: Iterable[str]) -> frozenset[str]:
    """One person of every group (ethnicity), about a sixth of all: the last by name, women and men in turn.

    DataError for a name that is not GROUP_SEX_NUMBER, for instance White_M_3.
    """
    groups = defaultdict[str, list[tuple[str, str]]](list)
    for person in sorted(persons):
        match = _PERSON.fullmatch(person)
        if match is None:
            raise DataError.of(
                person,
                "file name",
                "is not GROUP_SEX_NUMBER_OUTFIT, for instance White_M_3_Casual",
                cure="rename it: persons are split by name",
            )
        groups[match["group"]].append((match["sex"], person))
    chosen = set()
    for row, group in enumerate(sorted(groups)):
        sex = "FM"[row % 2]
        chosen.add(max((member_sex == sex, person) for member_sex, person in groups[group])[1])
    return frozenset(chosen)


def places_for_test(names: Iterable[str]) -> frozenset[str]:
    """Every sixth place by name, the third first, with all its pictures."""
    places = defaultdict[str, list[str]](list)
    for name in names:
        places[re.sub(r"(_?\d+k?)+$", "", name)].append(name)
    chosen = sorted(places)[2::_TEST_PLACES]
    return frozenset(name for place in chosen for name in places[place])
