"""Who runs first when both cores are busy: whoever delivers messages."""

from __future__ import annotations

import os
import sys
import threading

_NICENESS = 5


def step_back() -> None:
    """Let the calling thread, and threads it starts from now on, yield to the rest of this user's programs.

    Called between opening the publisher, whose I/O thread keeps its rank, and loading the networks, whose workers take
    the lower one: a message then reaches a subscriber before the next frame's network has both cores
    (docs/experiments.md). Linux only, where niceness belongs to a thread; elsewhere nothing happens.
    """
    if sys.platform.startswith("linux"):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
