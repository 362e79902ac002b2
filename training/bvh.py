"""Motion capture in Biovision's BVH text format, read into arrays of millimetres and rotation matrices.

The format in one sentence: HIERARCHY holds joints with an OFFSET from their parent and the CHANNELS that move them,
MOTION one line of channel values per frame; a joint's rotation is the product of its rotation channels in the order
in which they are listed (Meredith and Maddock, "Motion capture file formats explained", 2001).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.data_error import DataError
from training.kinematics import Array, axis_rotation, forward

CENTIMETRE_MM = 10.0
"""The CMU recordings in BVH form are in centimetres."""

_ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")
_POSITIONS = ("Xposition", "Yposition", "Zposition")


class BvhError(DataError):
    """A motion file cannot be used; the text names file, line and cure."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The tree of joints of a file. End sites are joints called `<parent>_end` without channels."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets_mm: Array
    """(joint, 3): from the parent, all rotations zero."""
    channels: tuple[tuple[str, ...], ...]

    @property
    def channel_count(self) -> int:
        return sum(map(len, self.channels))


@dataclass(frozen=True, slots=True)
class Motion:
    """The frames of one file: local rotations (frame, joint, 3, 3) and root positions (frame, 3)."""

    path: Path
    hierarchy: Hierarchy
    rate_hz: float
    rotations: Array
    root_mm: Array

    def __len__(self) -> int:
        return len(self.root_mm)

    def rows(self, names: Sequence[str]) -> list[int]:
        """Rows of joints by name; BvhError where the file's hierarchy is another one."""
        missing = [name for name in names if name not in self.hierarchy.names]
        if missing:
            raise BvhError(
                f"{self.path}: the hierarchy has no joint {', '.join(missing)}; it has "
                f"{', '.join(self.hierarchy.names[:8])} ...; use the CMU files that docs/data.md names"
            )
        return [self.hierarchy.names.index(name) for name in names]

    def world(self) -> tuple[Array, Array]:
        """Global rotations (frame, joint, 3, 3) and joint positions in mm (frame, joint, 3)."""
        offsets = np.broadcast_to(self.hierarchy.offsets_mm, self.rotations.shape[:-1]).copy()
        offsets[:, 0] += self.root_mm
        return forward(self.hierarchy.parents, self.rotations, offsets)


def read_bvh(path: Path, *, needs: Sequence[str] = (), unit_mm: float = CENTIMETRE_MM) -> Motion:
    """Read a whole file; `needs` names joints that must exist, `unit_mm` is the file's unit of length.

    BvhError for what is not a complete BVH file, holds numbers that are not finite, or has another hierarchy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BvhError(f"{path}: cannot be read as text ({error}); give a .bvh motion file") from error
    reader = _Reader(path, _numbered_words(text))
    hierarchy = reader.hierarchy(unit_mm)
    frame_count, frame_time_s = reader.motion_header()
    values = _frame_values(path, text.splitlines()[reader.line_number :], reader.line_number, hierarchy.channel_count)
    if len(values) != frame_count:
        raise BvhError(
            f"{path}, line {reader.line_number + len(values)}: {len(values)} frames where the header promises "
            f"{frame_count}; the file is truncated or was edited, fetch it again"
        )
    rotations, root = _moved(hierarchy, values, unit_mm)
    motion = Motion(path, hierarchy, 1.0 / frame_time_s, rotations, root)
    motion.rows(needs)
    return motion


def _numbered_words(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for word in line.split():
            yield number, word


@dataclass(slots=True)
class _Tree:
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)


class _Reader:
    """Recursive descent over the words of a file; `line_number` is the line of the last word taken."""

    def __init__(self, path: Path, words: Iterator[tuple[int, str]]) -> None:
        self.path, self.words, self.line_number = path, words, 0

    def fail(self, what: str) -> BvhError:
        return BvhError(f"{self.path}, line {self.line_number}: {what}; the file is damaged or not BVH, fetch it again")

    def word(self, *expected: str) -> str:
        number_word = next(self.words, None)
        if number_word is None:
            raise self.fail(f"the file ends where {' or '.join(expected) or 'a value'} should stand")
        self.line_number, word = number_word
        if expected and word not in expected:
            raise self.fail(f"{word!r} where {' or '.join(expected)} should stand")
        return word

    def number(self) -> float:
        word = self.word()
        try:
            value = float(word)
        except ValueError:
            raise self.fail(f"{word!r} is not a number") from None
        if not np.isfinite(value):
            raise self.fail(f"{word!r} is not finite")
        return value

    def hierarchy(self, unit_mm: float) -> Hierarchy:
        tree = _Tree()
        self.word("HIERARCHY")
        self.word("ROOT")
        self.joint(tree, self.word(), -1)
        offsets_mm = np.array(tree.offsets) * unit_mm
        return Hierarchy(tuple(tree.names), tuple(tree.parents), offsets_mm, tuple(tree.channels))

    def joint(self, tree: _Tree, name: str, parent: int) -> None:
        if name in tree.names:
            raise self.fail(f"a second joint called {name!r}")
        row = len(tree.names)
        tree.names.append(name)
        tree.parents.append(parent)
        self.word("{")
        self.word("OFFSET")
        tree.offsets.append([self.number() for _ in range(3)])
        tree.channels.append(())
        while (word := self.word("CHANNELS", "JOINT", "End", "}")) != "}":
            if word == "CHANNELS":
                tree.channels[row] = self.channels(name, parent)
            elif word == "JOINT":
                self.joint(tree, self.word(), row)
            else:
                self.word("Site")
                self.joint(tree, f"{name}_end", row)

    def channels(self, name: str, parent: int) -> tuple[str, ...]:
        count = int(self.number())
        known = _ROTATIONS if parent >= 0 else _ROTATIONS + _POSITIONS
        if not 0 <= count <= len(known):  # positions below the root mean different things to different programs
            raise self.fail(
                f"joint {name} has {count} channels where at most {len(known)} can be; export rotations only"
            )
        channels = tuple(self.word(*known) for _ in range(count))
        if len(set(channels)) != count:
            raise self.fail(f"joint {name} lists a channel twice: {' '.join(channels)}")
        return channels

    def motion_header(self) -> tuple[int, float]:
        self.word("MOTION")
        self.word("Frames:")
        frame_count = int(self.number())
        self.word("Frame")
        self.word("Time:")
        frame_time_s = self.number()
        if frame_count < 1 or frame_time_s <= 0:
            raise self.fail(f"{frame_count} frames of {frame_time_s} s")
        return frame_count, frame_time_s


def _frame_values(path: Path, lines: Sequence[str], lines_before: int, channel_count: int) -> Array:
    """One row of channel values per line that is not blank."""
    rows = []
    for number, line in enumerate(lines, start=lines_before + 1):
        words = line.split()
        if not words:
            continue
        if len(words) != channel_count:
            raise BvhError(
                f"{path}, line {number}: {len(words)} values where the hierarchy has {channel_count} channels; "
                "the file is truncated or was edited, fetch it again"
            )
        try:
            row = np.array(words, np.float64)
        except ValueError as error:
            raise BvhError(f"{path}, line {number}: {error}; the file is damaged, fetch it again") from error
        if not np.isfinite(row).all():
            raise BvhError(f"{path}, line {number}: a value is not finite; cut the frame out or fetch the file again")
        rows.append(row)
    return np.array(rows).reshape(len(rows), channel_count)


def _moved(hierarchy: Hierarchy, values: Array, unit_mm: float) -> tuple[Array, Array]:
    """Channel values (frame, channel) -> local rotations and the root's positions."""
    rotations = np.tile(np.eye(3), (len(values), len(hierarchy.names), 1, 1))
    root = np.zeros((len(values), 3))
    columns = iter(values.T)
    for row, channels in enumerate(hierarchy.channels):
        for channel in channels:
            column = next(columns)
            if channel in _POSITIONS:
                root[:, "XYZ".index(channel[0])] = column * unit_mm
            else:
                rotations[:, row] = rotations[:, row] @ axis_rotation(channel[0], np.deg2rad(column))
    return rotations, root
