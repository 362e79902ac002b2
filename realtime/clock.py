"""Which monotonic clock this host runs on: times of two processes compare only when it is the same one."""

from __future__ import annotations

import logging
import platform
import uuid
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def clock_id() -> str:
    """Identifies `time.monotonic_ns()` of this host: Linux' boot id, the same for every process until the next boot.

    Elsewhere `host-NAME-MAC`, which names the host and not its boot: good for processes that run at the same time, not
    for comparing with a recording from before a restart.
    """
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError as error:
        log.debug("no boot id (%s), the host's name and network address stand in", error)
        return f"host-{platform.node()}-{uuid.getnode():012x}"
