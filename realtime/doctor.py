"""What works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from engine.blazepose.cache import cache_dir, sha256_of
from engine.blazepose.fetch import DIRECTORY_VARIABLE, NETWORK_FILES
from realtime.machine import has_display, is_port_free, nvidia_gpus, port_holder
from realtime.topics import DEFAULT_ADDRESS

DEFAULT_PORT = int(DEFAULT_ADDRESS.rpartition(":")[2])
BASE_PACKAGES = ("numpy", "onnxruntime", "onnx", "tflite", "flatbuffers", "pyzmq", "msgspec", "typer", "rich", "mss")
OPTIONAL_BACKENDS = {
    "torch": "the `train` extra",
    "tensorrt": "the `gpu` extra; needs an NVIDIA GPU",
    "tensorrt_rtx": "the `gpu-rtx` extra; needs an NVIDIA RTX GPU",
    "openvino": "pip install openvino",
}
DISK_NEEDED_MB = 100  # wheel 36 MB, two networks 9 MB, their converted forms, and room
IMPORT_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Finding:
    topic: str
    state: Literal["works", "absent", "fails"]
    """`absent`: something optional is not there; the live line runs without it. `fails`: it does not run."""
    text: str
    cure: str = ""
    """What to do; empty where nothing is to do."""


def examine() -> Iterator[Finding]:
    """One finding after the other, as soon as each is known; together they take a few seconds."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        check_packages,
        check_opencv,
        check_cache,
        check_networks,
        check_cameras,
        check_port,
        check_backends,
        check_gpu,
    )
    for check in checks:
        yield from check()


def can_run_live(findings: list[Finding]) -> bool:
    """True when nothing that the live line needs has failed."""
    return not any(finding.state == "fails" for finding in findings)


def check_python() -> Iterator[Finding]:
    text = f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} CPU cores"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("python", "works", text)
    else:
        yield Finding("python", "fails", text, "use Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 demo")


def check_packages() -> Iterator[Finding]:
    found = {name: _version(name) for name in BASE_PACKAGES}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        yield Finding("packages", "fails", f"not installed: {', '.join(missing)}", "python3 tools/bootstrap.py --again")
    else:
        yield Finding("packages", "works", ", ".join(f"{name} {version}" for name, version in found.items()))


def check_opencv() -> Iterator[Finding]:
    """OpenCV loads, and whether it can show a window."""
    try:
        import cv2
    except ImportError as error:
        yield Finding(
            "opencv", "fails", str(error), "python3 tools/bootstrap.py --again, which takes the headless build"
        )
        return
    yield Finding("opencv", "works", cv2.__version__)
    if not can_show_windows(cv2.getBuildInformation()):
        cure = "sudo apt install libgl1 libglib2.0-0 && python3 tools/bootstrap.py --again"
        yield Finding("window", "absent", "this is the headless build of OpenCV: no picture window", cure)
    elif not has_display():
        yield Finding("window", "absent", "no display here (DISPLAY is not set): the live line runs without a window")
    else:
        yield Finding("window", "works", "a picture window can be shown")


def can_show_windows(build_information: str) -> bool:
    """Read OpenCV's own account of how it was built: 'GUI: NONE' stands in headless builds."""
    rows = [line.split(":", 1)[1].strip() for line in build_information.splitlines() if line.strip().startswith("GUI:")]
    return any(row and row != "NONE" for row in rows)


def check_cache() -> Iterator[Finding]:
    """The cache directory takes files and has room."""
    directory = cache_dir()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            free_mb = shutil.disk_usage(directory).free // 2**20
    except OSError as error:
        yield Finding(
            "cache", "fails", f"cannot write to {directory}: {error.strerror}", "set DI2POSE_CACHE to another one"
        )
        return
    if free_mb < DISK_NEEDED_MB:
        yield Finding(
            "cache", "fails", f"{directory} has {free_mb} MB left", f"free {DISK_NEEDED_MB} MB or set DI2POSE_CACHE"
        )
    else:
        yield Finding("cache", "works", f"{directory}, {free_mb / 1024:.0f} GB left on its disk")


def check_networks() -> Iterator[Finding]:
    """Both files are there and have the pinned hash; downloads nothing."""
    chosen = os.environ.get(DIRECTORY_VARIABLE)
    directory = Path(chosen).expanduser() if chosen else cache_dir() / "blazepose"
    cure = f"put both files there or unset {DIRECTORY_VARIABLE}" if chosen else "di2pose fetch"
    for file in NETWORK_FILES:
        path = directory / file.name
        if not path.is_file():
            yield Finding("networks", "fails", f"{path} is not there yet", cure)
        elif sha256_of(path) != file.sha256:
            yield Finding("networks", "fails", f"{path} is damaged: its sha256 is not the pinned one", cure)
        else:
            yield Finding("networks", "works", str(path))


def check_cameras() -> Iterator[Finding]:
    """Opens every camera for a moment, which lights its lamp."""
    try:
        from realtime.cameras import list_cameras
    except ImportError:
        return  # OpenCV does not load, which has been said
    cameras = list_cameras()
    if not cameras:
        yield Finding("camera", "absent", "none found", "plug one in, or: di2pose live --source VIDEO")
    for camera in cameras:
        if camera.size_wh is None:
            yield Finding("camera", "absent", f"{camera.index}: {camera.name} gives no pictures", camera.hint)
        else:
            width, height = camera.size_wh
            yield Finding("camera", "works", f"{camera.index}: {camera.name}, {width}x{height}")


def check_port(port: int = DEFAULT_PORT) -> Iterator[Finding]:
    if is_port_free(port):
        yield Finding("port", "works", f"{port} is free")
        return
    holder = port_holder(port) or "another process"
    cure = f"end it, or use another port: di2pose live --publish tcp://127.0.0.1:{port + 1}"
    yield Finding("port", "absent", f"{port} is held by {holder}", cure)


def check_backends() -> Iterator[Finding]:
    """What can run networks here. Optional ones are imported in a process of their own: some are slow or crash."""
    try:
        import onnxruntime

        text = f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
        yield Finding("onnxruntime", "works", text)
    except ImportError as error:
        yield Finding("onnxruntime", "fails", str(error), "python3 tools/bootstrap.py --again")
    for name, source in OPTIONAL_BACKENDS.items():
        yield _optional_backend(name, source)


def _optional_backend(name: str, source: str) -> Finding:
    if util.find_spec(name) is None:
        return Finding(name, "absent", f"not installed ({source})")
    probe = f"import {name}; print({name}.__version__)"
    command = [sys.executable, "-c", probe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(name, "absent", f"installed, but its import takes over {IMPORT_TIMEOUT_S:.0f} s")
    if done.returncode == 0:
        return Finding(name, "works", done.stdout.strip())
    reason = (done.stderr.strip().splitlines() or [f"its import ended with code {done.returncode}"])[-1]
    return Finding(name, "absent", f"installed, but does not import: {reason}", f"pip install --force-reinstall {name}")


def check_gpu() -> Iterator[Finding]:
    gpus = nvidia_gpus()
    if not gpus:
        yield Finding("gpu", "absent", "no NVIDIA GPU with a driver: networks run on the CPU")
    for gpu in gpus:
        yield Finding("gpu", "works", gpu)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
