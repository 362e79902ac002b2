"""The house rules that a machine can check: who imports whom, how large a file may be, what has one place only."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "realtime", "training", "tools")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMELESS = {"utils", "util", "common", "helpers", "helper", "misc"}
LONGEST_FILE_LINES = 400


def imported_by(path: Path) -> set[str]:
    """Top-level names that a file imports, at its head or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def calls_print(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print" for n in nodes)


def opens_capture(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.Attribute) and node.attr == "VideoCapture" for node in nodes)


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_imports_follow_the_layers() -> None:
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(linter, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_resolve_inside_this_repository(package: str) -> None:
    """Their names are generic: another distribution may own `realtime` or `tools` and must not be taken for ours."""
    file = importlib.import_module(package).__file__
    assert file is not None
    assert Path(file).resolve().is_relative_to(ROOT)


def test_the_tests_are_no_package() -> None:
    assert names(list((ROOT / "tests").rglob("__init__.py"))) == []


def test_every_file_has_a_noun_for_a_name() -> None:
    assert names([path for path in SOURCES if NAMELESS & set(path.relative_to(ROOT).with_suffix("").parts)]) == []


def test_files_stay_short() -> None:
    """Tables of constants may be longer; there are none so far."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert names([path for path, count in lines.items() if count > LONGEST_FILE_LINES]) == []


@pytest.mark.parametrize(("library", "most"), [("zmq", 2), ("tensorrt", 2), ("tensorrt_rtx", 2), ("tritonclient", 1)])
def test_libraries_with_a_border_stay_in_few_files(library: str, most: int) -> None:
    files = [path for path in SOURCES if library in imported_by(path)]
    assert len(files) <= most, names(files)


def test_one_file_opens_cameras() -> None:
    files = [path for path in SOURCES if opens_capture(path)]
    assert len(files) <= 1, names(files)


def test_only_tools_print() -> None:
    assert names([path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tools" and calls_print(path)]) == []


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    """Start-up to the first frame is part of the product: a verb pays for itself only."""
    probe = "import sys, tools.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "onnx", "onnxruntime", "torch", "zmq"} & set(done.stdout.split())
