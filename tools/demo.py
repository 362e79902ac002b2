"""`di2pose demo`: sender and receiver as two processes on the bundled clip."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import typer

WATCH_ENDS_WITHIN_S = 10.0


class DemoError(RuntimeError):
    """The demo did not show what it should; the text names the half that failed and what to do."""


def demo() -> None:
    """See the live line work on this machine, without a camera.

    One process finds the person in the bundled clip and publishes 3D skeletons over ZeroMQ; a second one receives
    them and prints what arrived: persons, frames, latency from capture to receipt, and drops.
    """
    address = f"tcp://127.0.0.1:{free_port()}"
    typer.echo(f"di2pose live --source demo --no-view --publish {address}")
    typer.echo(f"di2pose watch --connect {address} --summary")
    with ExitStack() as processes:
        # The receiver first, so that it misses nothing while the sender loads its networks.
        receiver = processes.enter_context(_start("watch", "--connect", address, "--summary"))
        processes.callback(_stop, receiver)
        sender = processes.enter_context(_start("live", "--source", "demo", "--no-view", "--publish", address))
        processes.callback(_stop, sender)
        if sender.wait() != 0:
            raise DemoError(f"the sender ended with code {sender.returncode}; `di2pose doctor` says what is missing")
        try:
            received = receiver.wait(WATCH_ENDS_WITHIN_S) == 0
        except subprocess.TimeoutExpired:
            received = False
    if not received:
        raise DemoError("the receiver saw nobody; `di2pose doctor` says what is missing, or whether a port is blocked")


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # -P: the working directory may hold a `tools` of its own, which must not be taken for ours.
    return subprocess.Popen([sys.executable, "-P", "-m", "tools.cli", *arguments])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a half that still runs, so that none outlives the demo."""
    if process.poll() is None:
        process.terminate()
