from __future__ import annotations

from pathlib import Path

from training.journal import JOURNAL_NAME, Journal, read_journal


def test_resuming_drops_what_was_written_after_the_saved_step(tmp_path: Path) -> None:
    with Journal(tmp_path, from_step=0, tensorboard=False) as journal:
        for step in range(5):
            journal.write("train", step, {"loss": step / 2})
    with Journal(tmp_path, from_step=3, tensorboard=False) as journal:
        journal.write("train", 3, {"loss": 9.0})
    entries = read_journal(tmp_path / JOURNAL_NAME)
    assert [entry["step"] for entry in entries] == [0, 1, 2, 3] and entries[-1]["loss"] == 9.0


def test_a_line_cut_short_by_a_kill_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_text('{"kind": "train", "step": 0, "loss": 1.0}\n{"kind": "tr', encoding="utf-8")
    with Journal(tmp_path, from_step=1, tensorboard=False) as journal:
        journal.write("train", 1, {"loss": float("nan")})
    entries = read_journal(tmp_path / JOURNAL_NAME)
    assert [entry["step"] for entry in entries] == [0, 1]
    assert entries[1]["loss"] is None  # JSON has no NaN


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Journal(tmp_path, from_step=0) as journal:
        journal.write("train", 7, {"loss": 0.5, "note": "text is for the journal only"})
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (event,) = board.Scalars("train/loss")
    assert (event.step, event.value) == (7, 0.5)
