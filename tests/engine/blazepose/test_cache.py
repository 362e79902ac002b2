"""A file in the cache is whole or it does not count."""

from __future__ import annotations

from pathlib import Path

from engine.blazepose.cache import is_intact, write_with_digest


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
