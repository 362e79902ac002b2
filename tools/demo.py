"""`di2pose demo`: sender and receiver as two processes on the bundled clip."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

import typer

GRACE_S = 3.0
"""How long the receiver may go on after the sender has ended, before it is asked to sum up."""
LONGEST_S = 300


class DemoError(RuntimeError):
    """The demo did not show what it should; the text names the half that failed and what to do."""


def demo() -> None:
    """See the live line work on this machine, without a camera.

    One process finds the person in the bundled clip and publishes 3D skeletons over ZeroMQ; a second one receives
    them and prints what arrived: persons, frames, latency from capture to receipt, and drops.
    """
    address = f"tcp://127.0.0.1:{free_port()}"
    send = ("live", "--source", "demo", "--no-view", "--publish", address)
    receive = ("watch", "--connect", address, "--summary", "--seconds", str(LONGEST_S))
    # The receiver first, so that it misses nothing while the sender loads its networks.
    with _started(receive) as receiver, _started(send) as sender:
        if sender.wait() != 0:
            raise DemoError(f"the sender ended with code {sender.returncode}; `di2pose doctor` says what is missing")
        with contextlib.suppress(subprocess.TimeoutExpired):
            receiver.wait(GRACE_S)
        _end(receiver)
    if receiver.returncode != 0:
        raise DemoError(
            f"the receiver ended with code {receiver.returncode} and without a pose; `di2pose doctor` says more"
        )


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _started(arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """One verb as a process of its own, which does not outlive the block."""
    typer.echo("di2pose " + " ".join(arguments))
    # -P: the working directory may hold a `tools` of its own, which must not be taken for ours.
    process = subprocess.Popen([sys.executable, "-P", "-m", "tools.cli", *arguments])
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process that still runs to end, and make it when it does not."""
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
