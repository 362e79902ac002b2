"""A file in the cache is whole or it does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.blazepose.cache import is_intact, kept, write_with_digest


def test_what_was_written_is_intact_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "deeper" / "network.onnx"
    assert not is_intact(file)
    write_with_digest(file, b"weights")
    assert is_intact(file) and file.read_bytes() == b"weights"
    file.write_bytes(b"weight")
    assert not is_intact(file)


def test_a_file_without_its_digest_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    file.write_bytes(b"weights")
    assert not is_intact(file)
    (tmp_path / "network.sha256").write_bytes(b"\xff\xfe")
    assert not is_intact(file)


def test_what_is_kept_is_made_once_and_anew_where_it_is_damaged(tmp_path: Path) -> None:
    made = []

    def content() -> bytes:
        made.append(1)
        return b"weights"

    file = tmp_path / "network.onnx"
    for _ in range(2):
        assert kept(file, content, error=LookupError, room_mb=5).read_bytes() == b"weights"
    assert len(made) == 1
    file.write_bytes(b"wei")
    assert kept(file, content, error=LookupError, room_mb=5).read_bytes() == b"weights" and len(made) == 2


def test_a_cache_that_cannot_be_written_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("in the way")
    with pytest.raises(LookupError, match=r"cannot write .*full.*\(5 MB\) or set DI2POSE_CACHE"):
        kept(tmp_path / "full" / "network.onnx", lambda: b"weights", error=LookupError, room_mb=5)
