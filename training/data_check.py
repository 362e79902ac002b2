"""What lies in a data directory, what is missing and where to get it, and why a file is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from training.cmu import TEST_SUBJECTS, load_motion, read_clips
from training.data_directory import DataDirectory, DataDirectoryError
from training.data_error import DataError
from training.human36m import read_npz, read_originals
from training.smpl import Smpl, load_regressor
from training.threedpw import SPLITS, is_occluded, read_sequence

Status = Literal["found", "missing", "refused"]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set: who publishes it, under which terms, and what this project does with it."""

    title: str
    use: str
    address: str
    terms: str


SOURCES = {
    "motion": Source(
        "CMU motion capture, BVH",
        "training and testing tokenizers and denoisers without licensed data",
        "http://mocap.cs.cmu.edu (BVH conversion: https://sites.google.com/a/cgspeed.com/cgspeed/motion-capture)",
        "free, acknowledge mocap.cs.cmu.edu (NSF EIA-0196217)",
    ),
    "avatars": Source(
        "VALID avatars, .glb",
        "drawing training pictures and the demo clip",
        "https://github.com/xrtlab/Validated-Avatar-Library-for-Inclusion-and-Diversity---VALID "
        "(as .glb: https://github.com/c-frame/valid-avatars-glb)",
        "MIT",
    ),
    "backgrounds": Source(
        "Poly Haven panoramas, .jpg",
        "backgrounds and light of training pictures",
        "https://polyhaven.com/hdris",
        "CC0",
    ),
    "human36m": Source(
        "Human3.6M",
        "training and testing on real people, protocol 1",
        "http://vision.imar.ro/human3.6m/",
        "registration, non-commercial research",
    ),
    "3dpw": Source(
        "3DPW",
        "testing in the wild: 3DPW, 3DPW-Occ, 3DPW-AdvOcc",
        "https://virtualhumans.mpi-inf.mpg.de/3DPW/",
        "registration, non-commercial research",
    ),
    "smpl": Source(
        "SMPL models",
        "Human3.6M's joints for 3DPW's protocol",
        "https://smpl.is.tue.mpg.de",
        "registration, non-commercial research",
    ),
}
"""By the name of the folder in the data directory."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check."""

    part: str
    status: Status
    text: str
    """What was found, what is missing, or why something is refused, with the cure."""
    address: str


def check(directory: DataDirectory) -> list[Finding]:
    """Read everything that is there, completely: a file that this accepts will not stop a training run."""
    findings: list[Finding] = []
    for part, look in _CHECKS.items():
        try:
            found = list(look(directory))
        except (DataError, OSError) as error:
            found = [("refused", str(error))]
        findings += [Finding(part, status, text, SOURCES[part].address) for status, text in found]
    return findings


def as_json(directory: DataDirectory, findings: list[Finding]) -> dict[str, Any]:
    """Plain values for `--json`."""
    return {"directory": str(directory.path), "findings": [asdict(finding) for finding in findings]}


_Lines = Iterator[tuple[Status, str]]


def _motion(directory: DataDirectory) -> _Lines:
    try:
        paths = directory.motions()
    except DataDirectoryError as error:
        yield "missing", str(error)
        return
    try:
        motion = load_motion(directory)
    except DataError:
        yield from _refused_clips(paths)
        return
    yield "found", f"{len(paths)} clips, {len(motion)} frames, subjects {', '.join(sorted(motion.subjects))}"
    if absent := TEST_SUBJECTS - motion.subjects:
        yield (
            "missing",
            f"test subjects {', '.join(sorted(absent))}: evaluations need all of {', '.join(sorted(TEST_SUBJECTS))}",
        )


def _refused_clips(paths: list[Path]) -> _Lines:
    """All of them, where loading stops at the first."""
    for path in paths:
        try:
            read_clips([path])
        except DataError as error:
            yield "refused", str(error)


def _avatars(directory: DataDirectory) -> _Lines:
    yield from _counted(directory.files("avatars", "*.glb"), start=b"glTF", what="avatars")


def _backgrounds(directory: DataDirectory) -> _Lines:
    yield from _counted(directory.files("backgrounds", "*.jpg"), start=b"\xff\xd8", what="panoramas")


def _counted(paths: list[Path], *, start: bytes, what: str) -> _Lines:
    good = 0
    for path in paths:
        with path.open("rb") as file:
            if file.read(len(start)) == start:
                good += 1
            else:
                yield "refused", f"{path}: its first bytes are not those of a {path.suffix} file; fetch it again"
    if not paths:
        yield "missing", f"no {what}"
    elif good:
        yield "found", f"{good} {what}"


def _human36m(directory: DataDirectory) -> _Lines:
    folder = directory.path / "human36m"
    npz = folder / "data_3d_h36m.npz"
    if npz.is_file():
        recordings = read_npz(npz)
        subjects = sorted({recording.subject for recording in recordings})
        yield "found", f"{npz.name}: {len(recordings)} recordings of {', '.join(subjects)}"
    elif list(folder.glob("S*/MyPoseFeatures/D3_Positions/*.cdf*")):
        yield "found", f"original annotation: {len(read_originals(folder))} recordings"
    else:
        yield "missing", f"neither {npz} nor {folder}/S*/MyPoseFeatures/D3_Positions/*.cdf"
    videos = list(folder.glob("S*/Videos/*.mp4"))
    yield ("found", f"{len(videos)} videos") if videos else ("missing", "videos in S*/Videos: needed for pictures only")


def _threedpw(directory: DataDirectory) -> _Lines:
    folder = directory.path / "3dpw"
    for split in SPLITS:
        paths = sorted((folder / "sequenceFiles" / split).glob("*.pkl"))
        if not paths:
            yield "missing", f"{folder / 'sequenceFiles' / split}/*.pkl"
            continue
        people = 0
        for path in paths:
            try:
                people += len(read_sequence(path))
            except DataError as error:
                yield "refused", str(error)
        occluded = sum(is_occluded(path.stem) for path in paths)
        yield "found", f"{split}: {len(paths)} sequences, {people} people, {occluded} sequences of 3DPW-Occ"
    if not (folder / "imageFiles").is_dir():
        yield "missing", f"{folder / 'imageFiles'}: needed for pictures only"


def _smpl(directory: DataDirectory) -> _Lines:
    folder = directory.path / "smpl"
    readers: dict[str, Callable[[Path], object]] = {
        "SMPL_MALE.npz": Smpl.load, "SMPL_FEMALE.npz": Smpl.load, "J_regressor_h36m.npy": load_regressor,
    }  # fmt: skip
    for name, read in readers.items():
        path = folder / name
        if not path.is_file():
            yield "missing", str(path)
            continue
        read(path)
        yield "found", name


_CHECKS: dict[str, Callable[[DataDirectory], _Lines]] = {
    "motion": _motion,
    "avatars": _avatars,
    "backgrounds": _backgrounds,
    "human36m": _human36m,
    "3dpw": _threedpw,
    "smpl": _smpl,
}
