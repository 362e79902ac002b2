"""Laws of the one-slot buffer: the newest wins, every value is either taken or counted as dropped."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from realtime.latest import MOST_NOTES, Latest


def test_newest_value_wins_and_drops_are_counted() -> None:
    latest: Latest[int] = Latest()
    for value in range(5):
        latest.put(value)
    assert latest.take(0) == 4
    assert latest.drops == 4
    assert latest.take(0) is None


@given(st.lists(st.sampled_from(["value", "note", "take"]), max_size=60))
def test_notes_keep_their_order_and_values_are_taken_or_dropped(actions: list[str]) -> None:
    latest: Latest[tuple[str, int]] = Latest()
    taken: list[tuple[str, int]] = []
    puts = 0
    for number, action in enumerate([*actions, *["take"] * (len(actions) + 1)]):
        if action == "take":
            item = latest.take(0)
            taken += [item] if item else []
        elif action == "value":
            latest.put(("value", number))
            puts += 1
        else:
            latest.note(("note", number))
    assert [number for _, number in taken] == sorted(number for _, number in taken)
    assert [n for kind, n in taken if kind == "note"] == [n for n, action in enumerate(actions) if action == "note"]
    assert sum(kind == "value" for kind, _ in taken) + latest.drops == puts


def test_notes_are_bounded() -> None:
    latest: Latest[int] = Latest()
    for number in range(MOST_NOTES + 3):
        latest.note(number)
    assert latest.take(0) == 3


def test_slow_reader_sees_rising_values_and_every_one_is_accounted_for() -> None:
    latest: Latest[int] = Latest()
    count = 2000

    def write() -> None:
        for value in range(count):
            latest.put(value)
        latest.note(-1)

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    while (value := latest.take(10.0)) != -1:
        assert value is not None
        seen.append(value)
        time.sleep(0.0005)
    writer.join()
    assert seen == sorted(set(seen))
    assert seen[-1] == count - 1
    assert len(seen) + latest.drops == count


def test_close_wakes_a_waiting_reader_and_lets_go_of_later_values() -> None:
    latest: Latest[int] = Latest()
    answers: list[int | None] = []
    reader = threading.Thread(target=lambda: answers.append(latest.take(60.0)))
    reader.start()
    latest.close()
    reader.join(10.0)
    assert answers == [None]
    latest.put(1)
    latest.note(2)
    assert latest.take(0) is None
