"""Fetching one wheel with pip's own download, so that the user's indexes, proxies and certificates are in force."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

Progress = Callable[[str, float | None], None]
"""Called with a line of text and the fraction done (0..1, None = unknown), from the calling thread."""

_RAW_PROGRESS_SINCE = (24, 1)  # the pip release that brought --progress-bar raw


class DownloadError(RuntimeError):
    """pip is missing or could not download; the text holds its reason and the cure."""


def silent(text: str, fraction: float | None) -> None:
    """The default progress: say it to the log only."""
    log.debug("%s %s", text, "" if fraction is None else f"{fraction:.0%}")


_PINNED_HOST = (
    *("--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"),
    *("--platform", "manylinux_2_28_x86_64"),
)


def download_wheel(requirement: str, target: Path, progress: Progress = silent) -> Path:
    """Download one wheel without its dependencies into the empty directory `target`.

    The wheel for Python 3.12 on x86-64 Linux is asked for on every host, so that its hash can be pinned.
    DownloadError ends with pip's last line.
    """
    return _downloaded(requirement, target, progress, _PINNED_HOST)


def download_for_host(requirement: str, target: Path, progress: Progress = silent) -> Path:
    """The same of a wheel that is to run here."""
    return _downloaded(requirement, target, progress, ())


def _downloaded(requirement: str, target: Path, progress: Progress, host: tuple[str, ...]) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise DownloadError(
            f"this Python ({sys.executable}) has no pip; install it with '{sys.executable} -m ensurepip --upgrade'"
        )
    lines = _run_pip(_command(requirement, target, host), progress)
    wheels = list(target.glob("*.whl"))
    if len(wheels) != 1:
        raise DownloadError(f"{_reason(lines)}; connect this machine to the network and try again")
    return wheels[0]


def _command(requirement: str, target: Path, host: tuple[str, ...]) -> list[str]:
    return [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *host,
        *("--disable-pip-version-check", "--no-input", "--progress-bar", _progress_style()),
        *("--dest", str(target), requirement),
    ]


def _progress_style() -> str:
    numbers = importlib.metadata.version("pip").split(".")[:2]
    known = all(number.isdigit() for number in numbers)
    return "raw" if known and tuple(map(int, numbers)) >= _RAW_PROGRESS_SINCE else "off"


def _run_pip(command: list[str], progress: Progress) -> list[str]:
    """Everything that pip said, line by line; its progress goes to `progress` as it comes."""
    patience = {"PIP_RETRIES": "2", "PIP_DEFAULT_TIMEOUT": "20"}  # pip's own would try for minutes without a network
    with subprocess.Popen(
        command,
        env={**patience, **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in map(str.strip, process.stdout):
            fraction = _fraction(line)
            if fraction is None and line:
                lines.append(line)
            progress("downloading" if fraction is not None else line, fraction)
    log.debug("pip ended with %d", process.returncode)
    return lines


def _fraction(line: str) -> float | None:
    """'Progress 1024 of 4096' (pip's raw progress) -> 0.25; None for any other line."""
    words = line.split()
    if len(words) != 4 or words[0] != "Progress" or not (words[1].isdigit() and words[3].isdigit()):
        return None
    total = int(words[3])
    return int(words[1]) / total if total else None


def _reason(lines: list[str]) -> str:
    errors = [line for line in lines if line.startswith("ERROR")]
    return f"pip says '{(errors or lines or ['nothing'])[-1]}'"
