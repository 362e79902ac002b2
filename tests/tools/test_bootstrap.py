"""What `tools/bootstrap.py` decides. The decisions run on real venvs and real loader messages; pip is not called."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tools import bootstrap

ROOT = Path(__file__).resolve().parents[2]
LIBGL_TEXT = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory that asks for an environment as the repository does."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Stands in for pip, which would load hundreds of megabytes: collects the extras of each install."""
    asked: list[set[str]] = []
    monkeypatch.setattr(bootstrap, "install", lambda _venv, _root, extras: asked.append(set(extras)))
    monkeypatch.setattr(bootstrap, "settle_opencv", lambda _venv, _root: None)
    monkeypatch.setattr(bootstrap, "run", lambda command, *, cure: venv.create(command[-1]))
    monkeypatch.setattr(bootstrap, "is_usable", lambda directory: bootstrap.python_of(directory).exists())
    return asked


@pytest.mark.parametrize("version", [(3, 11, 2), (3, 12, 0), (3, 13, 5)])
def test_supported_pythons_pass(version: tuple[int, ...]) -> None:
    assert bootstrap.version_problem(version) is None


@pytest.mark.parametrize("version", [(3, 8, 10), (3, 10, 12), (3, 14, 0)])
def test_other_pythons_are_told_how_to_get_one(version: tuple[int, ...]) -> None:
    problem = bootstrap.version_problem(version)
    assert problem is not None
    assert f"Python 3.{version[1]}" in problem
    assert "sudo apt install" in problem
    assert "make PYTHON=" in problem


def test_missing_venv_names_the_line_that_installs_it() -> None:
    problem = bootstrap.venv_problem(ensurepip_found=False, version=(3, 12, 3))
    assert problem is not None
    assert problem.endswith("sudo apt install python3.12-venv")
    assert bootstrap.venv_problem(ensurepip_found=True, version=(3, 12, 3)) is None


def test_a_python_without_ensurepip_stops_with_that_line(root: Path) -> None:
    """The real script in a process whose Python does not find ensurepip, as on a bare Debian."""
    (root / "tools").mkdir()
    (root / "tools" / "bootstrap.py").write_bytes((ROOT / "tools" / "bootstrap.py").read_bytes())
    hide = (
        "import runpy, sys, importlib.util as util; found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'ensurepip' else found(name, *rest)\n"
        f"sys.argv = ['bootstrap.py']; runpy.run_path({str(root / 'tools' / 'bootstrap.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in done.stderr
    assert not (root / ".venv").exists()


@pytest.mark.parametrize(
    ("text", "library"),
    [
        (LIBGL_TEXT, "libGL.so.1"),
        (LIBGL_TEXT.replace("libGL.so.1", "libgthread-2.0.so.0"), "libgthread-2.0.so.0"),
        ("ImportError: numpy.core.multiarray failed to import", None),
        ("ModuleNotFoundError: No module named 'cv2'", None),
    ],
)
def test_missing_library_is_read_from_the_loaders_words(text: str, library: str | None) -> None:
    assert bootstrap.missing_library(text) == library


def test_import_problem_is_what_that_python_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.import_problem(sys.executable) is None
    (tmp_path / "cv2.py").write_text(f"raise ImportError({LIBGL_TEXT.partition(': ')[2]!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    problem = bootstrap.import_problem(sys.executable)
    assert problem is not None
    assert bootstrap.missing_library(problem) == "libGL.so.1"


def commands_when_cv2_fails(monkeypatch: pytest.MonkeyPatch, problems: list[str | None], venv_dir: Path) -> list[str]:
    """What `settle_opencv` runs when `import cv2` says these things, one after the other."""
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "import_problem", lambda _python: problems.pop(0))
    monkeypatch.setattr(bootstrap, "run", lambda command, *, cure: ran.append(" ".join(command)))
    bootstrap.settle_opencv(venv_dir, ROOT)
    return ran


def test_working_opencv_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert commands_when_cv2_fails(monkeypatch, [None], tmp_path) == []


def test_missing_library_brings_the_headless_wheel_of_the_same_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remove, add = commands_when_cv2_fails(monkeypatch, [LIBGL_TEXT, None], tmp_path)
    pins = (ROOT / "constraints.txt").read_text()
    assert remove.endswith("uninstall -y opencv-python")
    assert add.endswith(f"opencv-python-headless=={bootstrap.pinned_version(pins, 'opencv-python')}")
    said = capsys.readouterr().out
    assert "libGL.so.1 is missing" in said
    assert "unavailable" in said


def test_other_opencv_failures_are_errors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(bootstrap.BootstrapError, match="numpy"):
        commands_when_cv2_fails(monkeypatch, ["ImportError: numpy is broken"], tmp_path)


def test_both_opencv_wheels_are_pinned_to_one_version() -> None:
    pins = (ROOT / "constraints.txt").read_text()
    version = bootstrap.pinned_version(pins, "opencv-python")
    assert version is not None
    assert bootstrap.pinned_version(pins, "opencv-python-headless") == version


def test_second_run_does_nothing(root: Path, installs: list[set[str]]) -> None:
    assert bootstrap.bring_up(root, set(), again=False)
    assert not bootstrap.bring_up(root, set(), again=False)
    assert installs == [set()]


def test_extras_are_added_and_never_lost(root: Path, installs: list[set[str]]) -> None:
    bootstrap.bring_up(root, {"dev"}, again=False)
    assert not bootstrap.bring_up(root, set(), again=False)
    bootstrap.bring_up(root, {"train"}, again=False)
    assert installs == [{"dev"}, {"dev", "train"}]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed(root: Path, installs: list[set[str]], name: str) -> None:
    bootstrap.bring_up(root, {"dev"}, again=False)
    (root / name).write_text((root / name).read_text() + "\n# changed\n")
    assert bootstrap.bring_up(root, set(), again=False)
    assert installs == [{"dev"}, {"dev"}]


def test_a_run_that_was_cut_off_is_begun_anew(
    root: Path, installs: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        (root / ".venv" / "half a package").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(bootstrap, "install", cut_off)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.bring_up(root, set(), again=False)
    assert bootstrap.bring_up(root, set(), again=False)
    assert not (root / ".venv" / "half a package").exists()
    assert not bootstrap.bring_up(root, set(), again=False)


def test_a_failed_install_is_gone_on_from(
    root: Path, installs: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        (root / ".venv" / "kept").touch()
        raise bootstrap.BootstrapError("no network")

    with monkeypatch.context() as during:
        during.setattr(bootstrap, "install", fail)
        with pytest.raises(bootstrap.BootstrapError, match="no network"):
            bootstrap.bring_up(root, set(), again=False)
    assert bootstrap.bring_up(root, set(), again=False)
    assert (root / ".venv" / "kept").exists()


@pytest.mark.parametrize("stamp", ["", "{", "[]", json.dumps({"fingerprint": 1}), json.dumps({"extras": None})])
def test_a_damaged_stamp_counts_as_none(tmp_path: Path, stamp: str) -> None:
    (tmp_path / bootstrap.STAMP).write_text(stamp)
    assert bootstrap.read_stamp(tmp_path) == ("", set())


def test_a_venv_without_pip_or_python_is_not_usable(tmp_path: Path) -> None:
    assert not bootstrap.is_usable(tmp_path)
    venv.create(tmp_path / "bare", with_pip=False)
    assert not bootstrap.is_usable(tmp_path / "bare")
    assert bootstrap.is_usable(Path(sys.prefix))
