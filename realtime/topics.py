"""The table of what travels on the stream, and the prefix by which readers choose.

A frame is single-part: `kind/stream_id`, one zero byte, the body. Single-part because a conflating socket loses
multi-part messages; the zero byte because a subscription matches by prefix, and `cam1` must not match `cam10`.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

VERSION = 1
"""Meaning never changes within a version; another major version changes the kind (`pose2`)."""

DEFAULT_ADDRESS = "tcp://127.0.0.1:5870"
DEFAULT_STREAM_ID = "main"

Kind = Literal["pose", "skeleton", "health", "status"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_PREFIX = 128


class TopicError(ValueError):
    """A stream id cannot be used, or a frame does not start with a known prefix."""


def checked_stream_id(stream_id: str) -> str:
    """`stream_id` itself, when it can stand in a prefix and in a file name."""
    if not _STREAM_ID.fullmatch(stream_id):
        raise TopicError(
            f"stream id {stream_id!r} cannot be used: take 1 to 64 letters, digits, '_', '-' or '.', for example 'cam1'"
        )
    return stream_id


def prefix(kind: Kind, stream_id: str) -> bytes:
    """What a frame starts with and what a reader subscribes to, zero byte included."""
    return f"{kind}/{checked_stream_id(stream_id)}\0".encode("ascii")


def parsed(frame: bytes) -> tuple[Kind, str, memoryview]:
    """(kind, stream_id, body) of a frame that may come from anybody; TopicError when it is not one of ours."""
    end = frame.find(b"\0", 0, _LONGEST_PREFIX)
    if end < 0:
        raise TopicError(f"a frame starts with kind/stream_id and a zero byte, this one with {frame[:16]!r}")
    kind, _, stream_id = frame[:end].decode("ascii", "replace").partition("/")
    for known in KINDS:
        if kind == known:
            return known, checked_stream_id(stream_id), memoryview(frame)[end + 1 :]
    raise TopicError(f"kind {kind[:32]!r} is not one of {', '.join(KINDS)}: a newer publisher needs a newer reader")
