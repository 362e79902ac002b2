"""The command line: every verb answers, errors of ours are one line, defects keep their traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.body.camera import CameraError
from tools import cli

ROOT = Path(__file__).resolve().parents[2]


def di2pose(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "tools.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def run_with_verb(tmp_path: Path, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own, with one more verb `trial` whose function body is given."""
    (tmp_path / "trial_verb.py").write_text(f"import typer\n\ndef trial():\n    '''Try.'''\n    {body}\n")
    probe = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from tools import cli\n"
        "cli._VERB_BY_NAME['trial'] = cli.Verb('trial', 'trial_verb', 'Try.')\n"
        f"cli.main({list(arguments)!r})\n"
    )
    return subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)


OURS = "from engine.body.camera import CameraError; raise CameraError('no lens: take it out of the bag')"


def test_help_lists_every_verb_with_its_whole_summary() -> None:
    shown = di2pose("--help")
    assert shown.returncode == 0
    for verb in cli.VERBS:
        assert verb.summary in shown.stdout, "longer than one line of a terminal with 80 columns"


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_help(verb: cli.Verb) -> None:
    shown = di2pose(verb.name, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"di2pose {verb.name}" in shown.stdout


def test_version_names_the_project_and_the_python() -> None:
    assert di2pose("--version").stdout.startswith("di2pose ")


def test_unknown_verb_is_a_usage_error() -> None:
    done = di2pose("levitate")
    assert done.returncode == 2
    assert "levitate" in done.stderr


def test_our_errors_are_one_line(tmp_path: Path) -> None:
    done = run_with_verb(tmp_path, OURS, "trial")
    assert (done.returncode, done.stderr) == (1, "error: no lens: take it out of the bag\n")


def test_verbose_shows_where_our_errors_come_from(tmp_path: Path) -> None:
    done = run_with_verb(tmp_path, OURS, "--verbose", "trial")
    assert done.returncode == 1
    assert "trial_verb.py" in done.stderr
    assert done.stderr.endswith("error: no lens: take it out of the bag\n")


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    done = run_with_verb(tmp_path, "open('/nowhere/at.all')", "trial")
    assert done.returncode == 1
    assert "/nowhere/at.all" in done.stderr
    assert "Traceback" not in done.stderr


def test_defects_keep_their_traceback(tmp_path: Path) -> None:
    done = run_with_verb(tmp_path, "[][0]", "trial")
    assert done.returncode == 1
    assert "IndexError" in done.stderr
    assert "trial_verb.py" in done.stderr


@pytest.mark.parametrize(("body", "code"), [("return 3", 3), ("return None", 0), ("raise typer.Exit(4)", 4)])
def test_verbs_choose_the_exit_code(tmp_path: Path, body: str, code: int) -> None:
    assert run_with_verb(tmp_path, body, "trial").returncode == code


def test_a_verb_may_have_verbs_of_its_own(tmp_path: Path) -> None:
    more = "\napp = typer.Typer()\n@app.callback()\ndef head(): pass\n@app.command()\ndef inner(): typer.echo('inside')"
    done = run_with_verb(tmp_path, f"pass{more}", "trial", "inner")
    assert done.stdout == "inside\n", done.stderr


def test_a_verb_without_its_file_says_so() -> None:
    with pytest.raises(cli.VerbMissingError, match="not part of this version"):
        cli.load(cli.Verb("later", "tools.there_is_no_such_file", "Later."))


def test_an_import_that_fails_inside_a_verb_is_a_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_verb.py").write_text("import there_is_no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_library"):
        cli.load(cli.Verb("broken", "broken_verb", "Broken."))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CameraError("x"), True),
        (FileNotFoundError(2, "no such file", "a.mp4"), True),
        (BrokenPipeError(), False),
        (ValueError("x"), False),
    ],
    ids=repr,
)
def test_which_errors_are_meant_for_the_user(error: Exception, expected: bool) -> None:
    assert cli.is_expected(error) is expected
