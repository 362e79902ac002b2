"""Make `.venv` in the repository root and install the project into it: `python3 tools/bootstrap.py --extras dev`.

Standard library only, in syntax that Python 3.7 reads, so that an old one is told what to do in place of a traceback.
A stamp, written last, makes the second run immediate; a run that was cut off leaves a mark and is begun anew.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
STAMP = "di2pose-installed.json"
UNFINISHED = "di2pose-unfinished"
TORCH_INDEX_VARIABLE = "DI2POSE_TORCH_INDEX"


class BootstrapError(Exception):
    """The environment cannot be made; the text names the cause and the cure."""


def version_problem(version: tuple[int, ...]) -> str | None:
    """What to tell the user of a Python that this project does not run on; None when it fits."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    return (
        f"this is Python {version[0]}.{version[1]}, but the project needs 3.11, 3.12 or 3.13.\n"
        "  Debian 12, 13 and Ubuntu 24.04 have one:  sudo apt install python3 python3-venv\n"
        "  Ubuntu 22.04:  sudo apt install python3.11 python3.11-venv\n"
        "  anywhere else: https://www.python.org/downloads/\n"
        "Then name it:  make PYTHON=python3.11 demo"
    )


def find_python() -> str | None:
    """A suitable Python on the PATH that really starts, when the running one is not suitable."""
    for minor in (12, 13, 11):
        path = shutil.which(f"python3.{minor}")
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


def venv_problem(*, ensurepip_found: bool, version: tuple[int, ...]) -> str | None:
    """Debian and Ubuntu keep a part of `venv` in a package of its own; name the line that installs it."""
    if ensurepip_found:
        return None
    package = f"python{version[0]}.{version[1]}-venv"
    return (
        "Python's venv module is incomplete here (no ensurepip). Install it and run the same command again:\n"
        f"  sudo apt install {package}"
    )


def missing_library(error_text: str) -> str | None:
    """The shared library whose absence made an import fail, read from the loader's message; None for other failures."""
    match = re.search(r"^ImportError: (\S+\.so[.\d]*): cannot open shared object file", error_text, re.MULTILINE)
    return match.group(1) if match else None


def pinned_version(constraints: str, package: str) -> str | None:
    """The version that constraints.txt pins this package to."""
    match = re.search(rf"^{re.escape(package)}==([^\s;#]+)", constraints, re.MULTILINE)
    return match.group(1) if match else None


def fingerprint(root: Path, python: str) -> str:
    """Changes when the environment is out of date: other requirements, pins or Python, or a moved directory."""
    digest = hashlib.sha256(f"{python} {root}".encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def read_stamp(venv: Path) -> tuple[str, set[str]]:
    """Fingerprint and extras of the last complete install; empty when there was none."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return str(stamp["fingerprint"]), {str(extra) for extra in stamp["extras"]}
    except (OSError, ValueError, KeyError, TypeError):
        return "", set()


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_usable(venv: Path) -> bool:
    """True when its Python starts, is of the running version and has pip."""
    probe = f"import sys, pip; raise SystemExit(sys.version_info[:2] != {sys.version_info[:2]})"
    python = python_of(venv)
    return (
        python.exists() and subprocess.run([str(python), "-c", probe], capture_output=True, check=False).returncode == 0
    )


def make_venv(venv: Path) -> None:
    """A working `.venv` that bears the unfinished mark. One cut off half-way, or of another Python, is replaced."""
    if venv.exists() and ((venv / UNFINISHED).exists() or not is_usable(venv)):
        say(f"{venv.name} is incomplete, or belongs to another Python: making it anew")
        shutil.rmtree(venv)
    if not venv.exists():
        problem = venv_problem(
            ensurepip_found=importlib.util.find_spec("ensurepip") is not None, version=sys.version_info[:2]
        )
        if problem:
            raise BootstrapError(problem)
        say(f"making {venv.name} with Python {sys.version.split()[0]}")
        venv.mkdir()
        (venv / UNFINISHED).touch()
        run([sys.executable, "-m", "venv", str(venv)], cure="see the message above; is the disk full?")
    (venv / UNFINISHED).touch()


def install(venv: Path, root: Path, extras: set[str]) -> None:
    """The project, editable, with these extras, at the pinned versions."""
    drop_headless(venv)
    target = f"{root}[{','.join(sorted(extras))}]" if extras else str(root)
    command = [str(python_of(venv)), "-m", "pip", "install", "--disable-pip-version-check", "-e", target]
    command += ["-c", str(root / "constraints.txt")]
    index = os.environ.get(TORCH_INDEX_VARIABLE)
    if index:
        command += ["--extra-index-url", index]
    elif extras & {"dev", "train"} and sys.platform == "linux":
        say("torch comes from your package index; on PyPI its Linux build brings gigabytes of CUDA libraries.")
        say(f"  For the small CPU build set {TORCH_INDEX_VARIABLE} to the CPU index that PyTorch's install page names.")
    say("installing " + (f"the project with {', '.join(sorted(extras))}" if extras else "the project"))
    run(command, cure="no network, or no wheel for this machine: see the lines above, then run the same command again")


def drop_headless(venv: Path) -> None:
    """Take the stand-in away before opencv-python comes: both wheels own the same cv2 directory."""
    if any(venv.glob("**/opencv_python_headless-*.dist-info")):
        pip = [str(python_of(venv)), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run([*pip, "uninstall", "-y", "opencv-python-headless"], cure="see the lines above")


def settle_opencv(venv: Path, root: Path) -> None:
    """Replace opencv-python by its headless twin where the libraries that it needs for windows are missing."""
    python = str(python_of(venv))
    problem = import_problem(python)
    if problem is None:
        return
    library = missing_library(problem)
    if library is None:
        raise BootstrapError(f"OpenCV was installed but does not import:\n{problem}")
    version = pinned_version((root / "constraints.txt").read_text(encoding="utf-8"), "opencv-python-headless")
    say(f"{library} is missing on this machine: using opencv-python-headless {version} in place of opencv-python.")
    say("  Everything works but the picture window, which is unavailable. To have it:")
    say("  sudo apt install libgl1 libglib2.0-0 && python3 tools/bootstrap.py --again")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "uninstall", "-y", "opencv-python"], cure="see the lines above")
    wheel = f"opencv-python-headless=={version}" if version else "opencv-python-headless"
    run([*pip, "install", "--no-deps", wheel], cure="no network? Run the same command again")
    problem = import_problem(python)
    if problem is not None:
        raise BootstrapError(f"opencv-python-headless does not import either:\n{problem}")


def import_problem(python: str) -> str | None:
    """What `import cv2` says in that Python when it fails."""
    done = subprocess.run([python, "-c", "import cv2"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip()


def bring_up(root: Path, extras: set[str], *, again: bool) -> bool:
    """Make `.venv` what the project asks for, keeping extras that are already there. False when nothing was to do."""
    venv = root / ".venv"
    wanted = fingerprint(root, f"{sys.version_info[0]}.{sys.version_info[1]}")
    installed, present = read_stamp(venv)
    if installed == wanted and extras <= present and python_of(venv).exists() and not again:
        return False
    make_venv(venv)
    (venv / STAMP).unlink(missing_ok=True)
    try:
        install(venv, root, extras | present)
        settle_opencv(venv, root)
    except BootstrapError:
        # pip takes back what it began when it fails by itself: the next run goes on from here. Only a killed run
        # leaves the mark.
        (venv / UNFINISHED).unlink()
        raise
    stamp = {"fingerprint": wanted, "extras": sorted(extras | present)}
    (venv / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    (venv / UNFINISHED).unlink()
    return True


def run(command: list[str], *, cure: str) -> None:
    """Run with the user's terminal, so that progress shows; raises BootstrapError with the cure when it fails."""
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        raise BootstrapError(f"`{' '.join(command[:6])} ...` ended with code {code}.\n{cure}")


def say(text: str) -> None:
    print(f"[bootstrap] {text}", flush=True)


def main() -> int:
    problem = version_problem(sys.version_info[:3])
    if problem:
        other = find_python()
        if other is None:
            print(f"error: {problem}", file=sys.stderr)
            return 1
        say(f"this is Python {sys.version.split()[0]}: going on with {other}")
        return subprocess.run([other, *sys.argv], check=False).returncode
    parser = argparse.ArgumentParser(description="Make .venv and install the project into it.")
    parser.add_argument("--extras", default="", help="comma-separated, from pyproject.toml: dev, train, gpu, ...")
    parser.add_argument("--again", action="store_true", help="install even when everything seems to be in place")
    options = parser.parse_args()
    start = time.monotonic()
    extras = {extra.strip() for extra in options.extras.split(",") if extra.strip()}
    try:
        if bring_up(ROOT, extras, again=options.again):
            say(f"ready after {time.monotonic() - start:.0f} s")
    except BootstrapError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to begin anew", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
