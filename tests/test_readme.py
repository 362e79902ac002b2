"""Commands that the documents show are run, or at least exist with the options that are shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN_AS_SHOWN = {"di2pose --help", "di2pose --version", "make help", "make"}
"""Commands that are quick, change nothing and need nothing but the installation."""


def commands_in(document: Path) -> list[str]:
    """The lines of all code blocks marked bash, continued lines joined, comments left out."""
    blocks = re.findall(r"^```bash\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


SHOWN = [
    pytest.param(command, id=f"{document.name}: {command}")
    for document in DOCUMENTS
    for command in dict.fromkeys(commands_in(document))
]
MENTIONED_TARGETS = sorted(
    {target for path in DOCUMENTS for target in re.findall(r"`(?:\S+=\S+ )*make ([a-z-]+)", path.read_text("utf-8"))}
)


def di2pose(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


GROUPS = {"data", "train", "evaluate", "export"}
"""Verbs that have verbs of their own."""


@cache
def help_of(*verb: str) -> str:
    done = di2pose(*verb, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("command", SHOWN)
def test_shown_commands_exist(command: str) -> None:
    words = [word for word in shlex.split(command, comments=True) if not re.fullmatch(r"[A-Z0-9_]+=.*", word)]
    if command in RUN_AS_SHOWN and words[0] == "di2pose":
        assert di2pose(*words[1:]).returncode == 0
    elif words[0] == "di2pose":
        options = [word.partition("=")[0] for word in words[2:] if word.startswith("--")]
        verb = words[1:3] if words[1] in GROUPS else words[1:2]
        assert [option for option in options if option not in help_of(*verb)] == []
    elif words[0] == "make":
        assert set(words[1:]) <= make_targets()
    elif words[0].startswith("python"):
        assert words[1].startswith("-") or (ROOT / words[1]).is_file()
    else:
        assert words[0] in {"source", "pip", "sudo", "git", "cd"}, f"teach this test to check `{command}`"


@pytest.mark.parametrize("target", MENTIONED_TARGETS)
def test_mentioned_make_targets_exist(target: str) -> None:
    assert target in make_targets()


def test_make_alone_lists_its_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "test-slow", "train", "lint", "bench", "clean", "help"):
        assert f"make {target} " in done.stdout


def test_links_lead_somewhere() -> None:
    broken = [
        f"{document.name}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]
    assert broken == []
