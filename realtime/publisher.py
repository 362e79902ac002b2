"""Sends messages to whoever listens. Nobody who listens, sleeps or sends garbage can slow it down or stop it."""

from __future__ import annotations

import errno
import logging
import secrets
import socket as sockets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from realtime import topics
from realtime.address import Address, AddressError, parsed_address
from realtime.announcements import HealthMessage, SkeletonMessage
from realtime.clock import clock_id
from realtime.codec import Message, frame_of

log = logging.getLogger(__name__)

SEND_QUEUE_MESSAGES = 1000
"""Per subscriber; what a slow one does not fetch in time beyond this is lost to it alone."""
BEAT_NS = 1_000_000_000
LINGER_MS = 200
_LARGEST_SUBSCRIPTION_BYTES = 4096

M = TypeVar("M", bound=Message)


class PublishError(RuntimeError):
    """The stream cannot be published at this address; the text names cause and cure."""


@dataclass(frozen=True, slots=True)
class CurveServer:
    """Encryption: certificates as `zmq.auth.create_certificates` writes them."""

    secret_key_file: Path
    clients_dir: Path | None = None
    """Public keys of those who may read; None admits everybody who knows the server's public key."""


@dataclass(slots=True)
class Publisher:
    """Owns one PUB socket between `with` and its end. One thread at a time."""

    bind: str = topics.DEFAULT_ADDRESS
    stream_id: str = topics.DEFAULT_STREAM_ID
    allow_remote: bool = field(default=False, kw_only=True)
    curve: CurveServer | None = field(default=None, kw_only=True)
    session_id: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    address: str = field(default="", init=False)
    """Where it really listens: port 0 or `*` has become the port that was free."""
    _sequence: dict[str, int] = field(default_factory=dict, init=False)
    _next_beat_ns: int = field(default=0, init=False)
    _context: zmq.Context[zmq.Socket[bytes]] | None = field(default=None, init=False)
    _socket: zmq.Socket[bytes] | None = field(default=None, init=False)
    _authenticator: ThreadAuthenticator | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Bind and announce the skeleton; PublishError when that is impossible."""
        where = self._checked_address()
        self._context = zmq.Context()
        try:
            self._socket = self._bound(self._context, where)
        except BaseException:
            self.close()
            raise
        log.info("publishing stream %s at %s", self.stream_id, self.address)
        self.beat()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, message: M) -> M:
        """Stamp and send without ever waiting; returns the message as it went out.

        Sequence counts per kind; `published_ns` and `wall_ns` are taken last.
        """
        if self._socket is None:
            raise PublishError("the publisher is closed: send inside its `with` block")
        sequence = self._sequence.get(message.kind, 0)
        stamped = msgspec.structs.replace(
            message,
            version=topics.VERSION,
            stream_id=self.stream_id,
            session_id=self.session_id,
            sequence=sequence,
            clock_id=clock_id(),
            wall_ns=time.time_ns(),
            published_ns=time.monotonic_ns(),
        )
        self._socket.send(frame_of(stamped), zmq.NOBLOCK)  # a PUB socket drops instead of waiting
        self._sequence[message.kind] = sequence + 1
        return stamped

    def beat(self, health: Callable[[], HealthMessage] | None = None) -> bool:
        """Once a second, whenever it is called often enough: the skeleton, and the line's health. True if sent."""
        now_ns = time.monotonic_ns()
        if now_ns < self._next_beat_ns:
            return False
        self._next_beat_ns = now_ns + BEAT_NS
        self.send(SkeletonMessage.h36m17())
        if health is not None:
            self.send(health())
        return True

    def close(self) -> None:
        """Give what was sent a moment to leave, then free socket, threads and port. Harmless when repeated."""
        if self._socket is not None:
            self._socket.close(LINGER_MS)
            self._socket = None
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None
        if self._context is not None:
            self._context.destroy(LINGER_MS)
            self._context = None

    def _checked_address(self) -> Address:
        try:
            topics.checked_stream_id(self.stream_id)
            where = parsed_address(self.bind)
        except (topics.TopicError, AddressError) as error:
            raise PublishError(f"cannot publish: {error}") from error
        if where.is_local:
            return where
        if not self.allow_remote:
            raise PublishError(
                f"{self.bind} can be reached from other machines, and a pose stream shows what people do: "
                "publish at tcp://127.0.0.1:PORT, or allow it with --allow-remote"
            )
        if self.curve is None:
            log.warning("%s is readable by everybody who reaches this machine: no CURVE key was given", self.bind)
        return where

    def _bound(self, context: zmq.Context[zmq.Socket[bytes]], where: Address) -> zmq.Socket[bytes]:
        socket = context.socket(zmq.PUB)
        socket.sndhwm = SEND_QUEUE_MESSAGES  # counts only for connections made later, so before bind
        socket.linger = LINGER_MS
        socket.maxmsgsize = _LARGEST_SUBSCRIPTION_BYTES  # of what subscribers send; larger ones are cut off
        socket.ipv6 = where.is_ipv6
        if self.curve is not None:
            self._authenticator = _secured(socket, context, self.curve)
        _refuse_used_ipc(where)
        try:
            socket.bind(where.text)
        except zmq.ZMQError as error:
            raise PublishError(_why_not(where.text, error)) from error
        self.address = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        return socket


def _why_not(bind: str, error: zmq.ZMQError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"cannot publish at {bind}: another process listens there already, perhaps a second di2pose "
            "(which one cannot be known from here; `ss -ltnp` shows it). End it, or choose another port "
            "with --publish tcp://127.0.0.1:5871"
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EINVAL):
        return f"cannot publish at {bind}: this machine has no such address; try {topics.DEFAULT_ADDRESS}"
    if error.errno == errno.EACCES:
        return f"cannot publish at {bind}: not permitted. Take a port above 1023, or an ipc path that you may write"
    return f"cannot publish at {bind}: {error}; try {topics.DEFAULT_ADDRESS}"


def _refuse_used_ipc(where: Address) -> None:
    """ZeroMQ takes an ipc path away from a running publisher without a word; so look whether one answers."""
    path = Path(where.text.removeprefix("ipc://"))
    if where.transport != "ipc" or not path.is_socket():
        return
    with sockets.socket(sockets.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise PublishError(_why_not(where.text, zmq.ZMQError(errno.EADDRINUSE)))


def _secured(
    socket: zmq.Socket[bytes], context: zmq.Context[zmq.Socket[bytes]], curve: CurveServer
) -> ThreadAuthenticator | None:
    """Give the socket its keys; with a directory of clients, start the thread that admits only them."""
    cure = "make one with zmq.auth.create_certificates, see docs/stream.md"
    if not zmq.has("curve"):
        raise PublishError("this ZeroMQ was built without CURVE: install pyzmq from its wheels")
    try:
        public, secret = zmq.auth.load_certificate(curve.secret_key_file)
        if secret is None:
            raise ValueError("it holds no secret key")
        socket.curve_secretkey, socket.curve_publickey, socket.curve_server = secret, public, True
    except (OSError, ValueError, zmq.ZMQError) as error:
        raise PublishError(f"unusable CURVE key {curve.secret_key_file}: {error}; {cure}") from error
    if curve.clients_dir is None:
        return None
    if not curve.clients_dir.is_dir():
        raise PublishError(f"no directory of client keys at {curve.clients_dir}; {cure}")
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(curve.clients_dir))
    return authenticator
