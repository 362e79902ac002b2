"""Where the pretrained BlazePose networks come from.

They are Apache-2.0 files inside two packages of MediaPipe: detector and full landmark network in the mediapipe 0.10.21
wheel, the last release that carries them, the heavy landmark network in the npm package @mediapipe/pose. pip and npm
download these (nothing is installed), the networks are taken out, checked against pinned hashes and kept in the
user's cache. Once they are there the network is never touched again.
"""

from __future__ import annotations

import logging
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.blazepose.cache import cache_dir, sha256_of, write_atomically
from engine.blazepose.npm_download import download_tarball
from engine.blazepose.pip_download import DownloadError, Progress, download_wheel, silent

log = logging.getLogger(__name__)

DIRECTORY_VARIABLE = "DI2POSE_BLAZEPOSE_DIR"


class NetworkFilesError(RuntimeError):
    """The pretrained networks cannot be had; the text names the cause and what to do."""


def _from_wheel(archive: Path, member: str) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return opened.read(member)


def _from_tarball(archive: Path, member: str) -> bytes:
    with tarfile.open(archive) as opened:
        content = opened.extractfile(member) if member in opened.getnames() else None
        if content is None:
            raise DownloadError(f"{archive.name} holds no file {member}")
        return content.read()


@dataclass(frozen=True, slots=True)
class Package:
    """A published archive that networks are taken out of."""

    requirement: str
    sha256: str
    size_mb: int
    download: Callable[[str, Path, Progress], Path]
    """Requirement, an empty directory -> the archive in it; DownloadError says why not."""
    read: Callable[[Path, str], bytes]


WHEEL = Package(
    "mediapipe==0.10.21",
    "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5",
    36,
    download_wheel,
    _from_wheel,
)
"""The wheel is that for Python 3.12 on x86-64 Linux, taken on every host because only its data is used."""
TARBALL = Package(
    "@mediapipe/pose@0.5.1675469404",
    "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
    41,
    download_tarball,
    _from_tarball,
)


@dataclass(frozen=True, slots=True)
class NetworkFile:
    name: str
    package: Package
    member: str
    """Its path inside the package."""
    sha256: str
    size_bytes: int


DETECTOR = NetworkFile(
    "pose_detection.tflite",
    WHEEL,
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    2_959_046,
)
LANDMARK_FULL = NetworkFile(
    "pose_landmark_full.tflite",
    WHEEL,
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    6_440_512,
)
LANDMARK_HEAVY = NetworkFile(
    "pose_landmark_heavy.tflite",
    TARBALL,
    "package/pose_landmark_heavy.tflite",
    "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
    27_709_200,
)
NETWORK_FILES = (DETECTOR, LANDMARK_FULL, LANDMARK_HEAVY)


def network_file(file: NetworkFile, directory: Path | None = None, *, progress: Progress = silent) -> Path:
    """One network on disk, see `network_files`."""
    return network_files(directory, wanted=[file], progress=progress) / file.name


def network_files(
    directory: Path | None = None, *, wanted: Sequence[NetworkFile] = NETWORK_FILES, progress: Progress = silent
) -> Path:
    """The directory that holds the wanted networks, hashes checked; downloaded first where the cache lacks them.

    directory: files the user has put there himself, never written to; default `$DI2POSE_BLAZEPOSE_DIR`, else
    the cache. Several processes may call this at once. NetworkFilesError says what to do.
    """
    chosen = os.environ.get(DIRECTORY_VARIABLE) if directory is None else str(directory)
    if chosen:
        return _checked(Path(chosen).expanduser(), wanted)
    target = cache_dir() / "blazepose"
    lacking = [file for file in wanted if not _is_intact(target / file.name, file)]
    for package in dict.fromkeys(file.package for file in lacking):
        _fill(target, package, progress)
    return _checked(target, wanted)


def _checked(directory: Path, wanted: Sequence[NetworkFile]) -> Path:
    for file in wanted:
        _check(directory / file.name, file)
    return directory


def _check(path: Path, file: NetworkFile) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise NetworkFilesError(
            f"cannot read {path}: {error.strerror}. {DIRECTORY_VARIABLE} (or the directory given) must hold "
            f"{file.name} from {file.package.requirement}; leave it unset to download it"
        ) from error
    if found != file.sha256:
        raise NetworkFilesError(
            f"{path} is not the expected file: sha256 is {found}, expected {file.sha256}. "
            f"Take {file.member} out of {file.package.requirement} again, "
            f"or leave {DIRECTORY_VARIABLE} unset to download it"
        )


def _is_intact(path: Path, file: NetworkFile) -> bool:
    if not path.is_file():
        return False
    if sha256_of(path) == file.sha256:
        return True
    log.warning("%s is damaged, getting it again", path)
    return False


def _fill(target: Path, package: Package, progress: Progress) -> None:
    """Download the package and put its networks into `target`."""
    names = " and ".join(file.name for file in NETWORK_FILES if file.package is package)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".download-", ignore_cleanup_errors=True) as scratch:
            archive = package.download(package.requirement, Path(scratch), progress)
            _extract(archive, package, target)
    except DownloadError as error:
        raise NetworkFilesError(
            f"cannot download the pretrained networks ({package.requirement}, {package.size_mb} MB): {error}. Or put "
            f"{names} from that package into a directory and set {DIRECTORY_VARIABLE} to it"
        ) from error
    except OSError as error:
        raise NetworkFilesError(
            f"cannot write the pretrained networks to {target}: {error.strerror or error}. Free some disk space "
            f"(300 MB) or set DI2POSE_CACHE to a directory that you may write to"
        ) from error


def _extract(archive: Path, package: Package, target: Path) -> None:
    found = sha256_of(archive)
    if found != package.sha256:
        raise DownloadError(
            f"{archive.name} has sha256 {found}, expected {package.sha256}: the package index served another file; "
            f"check its address (pip config debug, npm config list) and try again"
        )
    for file in NETWORK_FILES:
        if file.package is package:
            write_atomically(target / file.name, package.read(archive, file.member))
