from dataclasses import dataclass, field

import pytest

from training.synthetic.kept import Kept


@dataclass
class Thing:
    held_bytes: int
    released: list[bool] = field(default_factory=list)

    def release(self) -> None:
        self.released.append(True)


def always(thing: Thing) -> bool:
    return True


def test_the_least_recently_used_goes_first_and_is_freed_once() -> None:
    kept = Kept[str, Thing](25)
    things = {name: kept.get(name, lambda: Thing(10), fits=always) for name in "ab"}
    kept.get("a", lambda: Thing(10), fits=always)
    kept.get("c", lambda: Thing(10), fits=always)
    assert kept.held_bytes == 30  # nothing goes before `trim`
    kept.trim()
    assert (len(kept), kept.held_bytes) == (2, 20)
    assert things["b"].released == [True]
    assert things["a"].released == []
    assert kept.get("a", lambda: Thing(10), fits=always) is things["a"]


def test_the_newest_stays_even_where_it_alone_is_too_large() -> None:
    kept = Kept[str, Thing](5)
    large = kept.get("large", lambda: Thing(10), fits=always)
    kept.trim()
    assert large.released == []


def test_what_no_longer_fits_is_replaced_and_clearing_frees_all() -> None:
    kept = Kept[str, Thing](100)
    old = kept.get("a", lambda: Thing(10), fits=always)
    new = kept.get("a", lambda: Thing(20), fits=lambda thing: thing.held_bytes == 20)
    assert (old.released, kept.held_bytes) == ([True], 20)
    kept.clear()
    assert (new.released, kept.held_bytes, len(kept)) == ([True], 0, 0)


def test_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive, got 0 bytes"):
        Kept[str, Thing](0)
