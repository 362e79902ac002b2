"""Where a stream is published: `tcp://HOST:PORT` or `ipc:///path`, checked before ZeroMQ sees it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

_TCP = re.compile(r"tcp://(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[^\[\]:/\s]+):(?P<port>\d{1,5}|\*)")
_LONGEST_IPC_PATH_BYTES = 107
"""sun_path of unix(7), without its closing zero."""

_EXPECTED = "expected tcp://HOST:PORT, for example tcp://127.0.0.1:5870, or ipc:///tmp/di2pose"


class AddressError(ValueError):
    """An address cannot be used; the text quotes it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Address:
    """A well-formed address."""

    text: str
    transport: Literal["tcp", "ipc"]
    host: str = ""
    """For tcp: a name, an IPv4 or a bare IPv6 address, an interface, or `*` for all of them."""

    @property
    def is_local(self) -> bool:
        """Only processes of this host can reach it."""
        if self.transport == "ipc" or self.host in ("localhost", "lo"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host


def parsed_address(text: str) -> Address:
    """The address in `text`; AddressError when it is malformed or of a transport that the stream does not use."""
    if text.startswith("ipc://"):
        return _ipc(text)
    match = _TCP.fullmatch(text)
    if match is None:
        raise AddressError(f"malformed address {text!r}: {_EXPECTED}")
    port = match["port"]
    if port != "*" and int(port) > 65535:
        raise AddressError(f"malformed address {text!r}: the port must lie in 1..65535 (0 takes any free one)")
    return Address(text, "tcp", match["host"].strip("[]"))


def _ipc(text: str) -> Address:
    path = text.removeprefix("ipc://")
    if not path or "\0" in path:
        raise AddressError(f"malformed address {text!r}: {_EXPECTED}")
    if len(path.encode()) > _LONGEST_IPC_PATH_BYTES:
        raise AddressError(
            f"malformed address {text!r}: the path may have {_LONGEST_IPC_PATH_BYTES} bytes, choose another"
        )
    return Address(text, "ipc")
