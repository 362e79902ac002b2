"""Messages to frames and back. Whatever comes from a socket passes through here once and is trusted afterwards."""

from __future__ import annotations

from typing import Any

import msgspec

from realtime import topics
from realtime.announcements import HealthMessage, SkeletonMessage, StatusMessage
from realtime.array_fields import listed, packed, unlisted, unpacked
from realtime.message import PoseMessage

Message = PoseMessage | SkeletonMessage | HealthMessage | StatusMessage
MESSAGES: tuple[type[Message], ...] = (PoseMessage, SkeletonMessage, HealthMessage, StatusMessage)

LARGEST_FRAME_BYTES = 16 * 2**20
"""Far above `MOST_PERSONS` people with hypotheses; what is larger is not ours."""


class MessageError(ValueError):
    """Bytes that are not a message of this version; the text says what is wrong with them."""


_encoder = msgspec.msgpack.Encoder(enc_hook=packed)
_json_encoder = msgspec.json.Encoder(enc_hook=listed)
_json_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Message, dec_hook=unlisted)
_decoders: dict[topics.Kind, msgspec.msgpack.Decoder[Any]] = {
    message.kind: msgspec.msgpack.Decoder(message, dec_hook=unpacked) for message in MESSAGES
}


def frame_of(message: Message) -> bytes:
    """The single-part frame of a message that the publisher has stamped."""
    return topics.prefix(message.kind, message.stream_id) + _encoder.encode(message)


def message_of(frame: bytes) -> Message:
    """The message in a frame that may come from anybody; MessageError for everything that is not one."""
    try:
        kind, stream_id, body = topics.parsed(frame)
        message: Message = _decoders[kind].decode(body)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise MessageError(f"not a message of version {topics.VERSION}: {error}") from error
    return _checked(message, stream_id)


def json_of(message: Message) -> bytes:
    """One line of JSON without the line end; arrays are nested lists, `kind` tells the messages apart."""
    return _json_encoder.encode(message)


def message_of_json(text: bytes | str) -> Message:
    """The message in a JSON form that may come from anybody; MessageError for everything that is not one."""
    try:
        message: Message = _json_decoder.decode(text)
    except (ValueError, msgspec.MsgspecError, RecursionError, OverflowError, TypeError) as error:
        raise MessageError(f"not a message of version {topics.VERSION}: {error}") from error
    return _checked(message, message.stream_id)


def _checked(message: Message, stream_id: str) -> Message:
    """The header rules that types cannot state."""
    if message.version != topics.VERSION:
        raise MessageError(f"version {message.version} cannot be read, only {topics.VERSION}: update this reader")
    if message.stream_id != stream_id:
        raise MessageError(f"the prefix says stream {stream_id!r}, the body {message.stream_id[:64]!r}")
    if not message.session_id or not message.clock_id or message.sequence < 0:
        raise MessageError("the header lacks session_id, clock_id or sequence")
    return message
