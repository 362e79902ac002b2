"""The user's cache directory, and files that appear in it whole or not at all."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """Where downloaded and converted networks are kept; not created here.

    `$DI2POSE_CACHE`, else `di2pose` under the platform's cache directory (`$XDG_CACHE_HOME` or `~/.cache`,
    `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
    """
    chosen = os.environ.get("DI2POSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return _platform_cache_dir() / "di2pose"


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`; a reader, or a second writer at the same time, never sees half a file.

    OSError where the directory cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)  # mkstemp makes it private; a cache shared by several users stays readable
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_with_digest(path: Path, content: bytes) -> None:
    """`write_atomically`, and its sha256 beside it for `is_intact`."""
    write_atomically(path, content)
    write_atomically(_digest_path(path), hashlib.sha256(content).hexdigest().encode("ascii"))


def kept(target: Path, content_of: Callable[[], bytes], *, error: type[Exception], room_mb: int) -> Path:
    """`target`, written first where it is missing or damaged. `error` with cause and cure where it cannot be written.

    content_of: makes the bytes; asked only then. room_mb: what to free, for the message.
    """
    if is_intact(target):
        return target
    content = content_of()
    try:
        write_with_digest(target, content)
    except OSError as cause:
        raise error(
            f"cannot write {target}: {cause.strerror or cause}. Free some disk space ({room_mb} MB) or set "
            f"DI2POSE_CACHE to a directory that you may write to"
        ) from cause
    return target


def is_intact(path: Path) -> bool:
    """Whether the file is there as `write_with_digest` left it."""
    try:
        expected = _digest_path(path).read_text(encoding="ascii", errors="replace").strip()
        return sha256_of(path) == expected
    except OSError:
        return False


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _platform_cache_dir() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    xdg = os.environ.get("XDG_CACHE_HOME")
    return Path(xdg) if xdg else Path.home() / ".cache"
