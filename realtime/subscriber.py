"""Reads a stream: the newest message only, or every one that arrives. Garbage is counted, never fatal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import zmq
import zmq.auth

from realtime import topics
from realtime.address import Address, AddressError, parsed_address
from realtime.clock import clock_id
from realtime.codec import LARGEST_FRAME_BYTES, Message, MessageError, message_of

M = TypeVar("M", bound=Message)

MOST_MALFORMED_AT_ONCE = 1000
"""A flood of garbage must not keep `read` from returning."""


class SubscribeError(RuntimeError):
    """A stream cannot be read at this address; the text names cause and cure."""


@dataclass(frozen=True, slots=True)
class CurveClient:
    """Encryption: the publisher's public key, and the reader's own key where the publisher asks for one."""

    server_key_file: Path
    secret_key_file: Path | None = None
    """None: a key made up for this connection, enough where everybody with the server's key is admitted."""


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A message and the moment it arrived."""

    message: M
    received_ns: int
    """`time.monotonic_ns()` of this host."""

    def since_ms(self, then_ns: int) -> float | None:
        """Milliseconds from a time in the message until now-of-arrival; None when the clocks do not compare."""
        if self.message.clock_id != clock_id() or getattr(self.message, "replay", False):
            return None
        return (self.received_ns - then_ns) * 1e-6


@dataclass(slots=True)
class Reader(Generic[M]):
    """One SUB socket between `with` and its end. One thread at a time. Made by `newest` and `every`."""

    wanted: Sequence[type[M]]
    connect: str
    stream_id: str
    conflate: bool = field(kw_only=True)
    curve: CurveClient | None = field(default=None, kw_only=True)
    lost: int = field(default=0, init=False)
    """Messages that were sent in the sessions seen here and that this reader did not return."""
    malformed: int = field(default=0, init=False)
    """Frames that were not messages of this version."""
    _last: dict[str, tuple[str, int]] = field(default_factory=dict, init=False)
    _context: zmq.Context[zmq.Socket[bytes]] | None = field(default=None, init=False)
    _socket: zmq.Socket[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Start connecting; a publisher may come later. SubscribeError for what can never work."""
        try:
            where = parsed_address(self.connect)
            prefixes = [topics.prefix(message.kind, self.stream_id) for message in self.wanted]
        except (topics.TopicError, AddressError) as error:
            raise SubscribeError(f"cannot read a stream: {error}") from error
        self._context = zmq.Context()
        try:
            self._socket = self._connected(self._context, where, prefixes)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, timeout_s: float) -> Received[M] | None:
        """The next message, or None when none came in time. Malformed frames are counted and passed over."""
        if self._socket is None:
            raise SubscribeError("the reader is closed: read inside its `with` block")
        until_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        for _ in range(MOST_MALFORMED_AT_ONCE):
            if not self._socket.poll(max(0, (until_ns - time.monotonic_ns()) // 1_000_000)):
                return None
            frame = self._socket.recv()
            received_ns = time.monotonic_ns()
            try:
                message = message_of(frame)
            except MessageError:
                self.malformed += 1
                continue
            self._count_lost(message)
            return Received(message, received_ns)  # type: ignore[arg-type]  # the prefix admits only wanted kinds
        return None

    def waiting(self) -> Iterator[Received[M]]:
        """Everything that has arrived already, without waiting."""
        while (received := self.read(0.0)) is not None:
            yield received

    def close(self) -> None:
        """Free the socket. Harmless when repeated."""
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = self._socket = None

    def _connected(
        self, context: zmq.Context[zmq.Socket[bytes]], where: Address, prefixes: list[bytes]
    ) -> zmq.Socket[bytes]:
        socket = context.socket(zmq.SUB)
        socket.maxmsgsize = LARGEST_FRAME_BYTES
        socket.conflate = self.conflate  # together with the subscription before connect, or it has no effect
        socket.ipv6 = where.is_ipv6
        for prefix in prefixes:
            socket.subscribe(prefix)
        if self.curve is not None:
            _secure(socket, self.curve)
        try:
            socket.connect(where.text)
        except zmq.ZMQError as error:
            raise SubscribeError(f"cannot read from {where.text}: {error}; check host and port") from error
        return socket

    def _count_lost(self, message: Message) -> None:
        session_id, sequence = self._last.get(message.kind, ("", -1))
        if message.session_id == session_id:
            self.lost += max(0, message.sequence - sequence - 1)
        self._last[message.kind] = (message.session_id, message.sequence)


def newest(
    wanted: type[M],
    connect: str = topics.DEFAULT_ADDRESS,
    *,
    stream_id: str = topics.DEFAULT_STREAM_ID,
    curve: CurveClient | None = None,
) -> Reader[M]:
    """A reader that always returns the newest message of one kind; older ones are skipped and counted as lost.

    One socket per kind and stream: with two subscriptions a conflating socket would keep only the last sent of both.
    """
    return Reader([wanted], connect, stream_id, conflate=True, curve=curve)


def every(
    wanted: Sequence[type[M]],
    connect: str = topics.DEFAULT_ADDRESS,
    *,
    stream_id: str = topics.DEFAULT_STREAM_ID,
    curve: CurveClient | None = None,
) -> Reader[M]:
    """A reader for recorders and statistics: all messages of these kinds in the order in which they were sent."""
    return Reader(wanted, connect, stream_id, conflate=False, curve=curve)


def _secure(socket: zmq.Socket[bytes], curve: CurveClient) -> None:
    try:
        server, _ = zmq.auth.load_certificate(curve.server_key_file)
        if curve.secret_key_file is None:
            public, secret = zmq.curve_keypair()
        else:
            public, own = zmq.auth.load_certificate(curve.secret_key_file)
            if own is None:
                raise ValueError(f"{curve.secret_key_file} holds no secret key")
            secret = own
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = server, public, secret
    except (OSError, ValueError, zmq.ZMQError) as error:
        raise SubscribeError(f"unusable CURVE key: {error}; see docs/stream.md for how keys are made") from error
