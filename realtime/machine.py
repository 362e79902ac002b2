"""What this machine has: a GPU, a display, a free port. Readings only; `doctor` judges them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

PROC = Path("/proc")


def nvidia_gpus() -> list[str]:
    """'name, driver, memory' per NVIDIA GPU as the driver tells it; empty without GPU or driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def has_display() -> bool:
    """Whether a window could be shown: always assumed on macOS and Windows, by the environment elsewhere."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def is_port_free(port: int) -> bool:
    """Whether a publisher could bind this TCP port on the loopback now."""
    with socket.socket() as probe:
        # As ZeroMQ does on POSIX: a port that was closed a moment ago counts as free.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_holder(port: int, proc: Path = PROC) -> str | None:
    """'command (pid N)' of who listens on this TCP port, as far as Linux lets this user see it."""
    inodes = _listening_inodes(port, proc)
    for folder in proc.glob("[0-9]*/fd"):
        try:
            if any(str(link.readlink()) in inodes for link in folder.iterdir()):
                return f"{(folder.parent / 'comm').read_text().strip()} (pid {folder.parent.name})"
        except OSError:
            continue  # another user's process, or one that has just ended
    return None


def _listening_inodes(port: int, proc: Path) -> set[str]:
    """The `socket:[N]` names of listening sockets on this port; columns as in proc(5)."""
    listen = "0A"
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            rows = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue  # not Linux
        for columns in map(str.split, rows):
            if columns[3] == listen and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    return inodes
