"""`di2pose demo`: sender and receiver as two processes on the bundled clip."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer

GRACE_S = 3.0
"""How long a half may go on after the other has ended, or after it was asked to end."""
SHOWN_EVERY_S = 1.0


class DemoError(RuntimeError):
    """The demo did not show what it should; the text names the half that failed and what to do."""


def demo() -> None:
    """See the live line work on this machine, without a camera.

    One process finds the person in the bundled clip and publishes 3D skeletons over ZeroMQ; a second one receives
    them and prints what arrived: persons, frames, latency from capture to receipt, and drops.
    """
    address = f"tcp://127.0.0.1:{free_port()}"
    receive = ("watch", "--connect", address, "--json", "--summary")
    send = ("live", "--source", "demo", "--no-view", "--publish", address)
    # The receiver first, so that it misses nothing while the sender loads its networks.
    with _started(receive, stdout=subprocess.PIPE, stderr=sys.stdout) as receiver, _started(send) as sender:
        threading.Thread(target=_end_after, args=(sender, receiver)).start()
        assert receiver.stdout is not None
        frames_with_person = _shown(receiver.stdout)
    if sender.returncode != 0:
        raise DemoError(f"the sender ended with code {sender.returncode}; `di2pose doctor` says what is missing")
    if frames_with_person == 0:
        raise DemoError("the receiver saw nobody; `di2pose doctor` says what may be wrong on this machine")


def _shown(lines: Iterable[bytes]) -> int:
    """Print what a receiver's JSON lines say, one line per second; returns how many frames had a person in them."""
    frames_with_person = 0
    shown_ns = 0
    for line in lines:
        if not line.startswith(b"{"):
            typer.echo(line, nl=False)
            continue
        message = json.loads(line)
        persons = message["persons"] if message["kind"] == "pose" else []  # health has a field of that name too
        frames_with_person += bool(persons)
        if persons and message["published_ns"] - shown_ns > SHOWN_EVERY_S * 1e9:
            shown_ns = message["published_ns"]
            typer.echo(f"received frame {message['frame_index']}: {'; '.join(map(_described, persons))}")
    return frames_with_person


def _described(person: dict[str, Any]) -> str:
    x_m, y_m, z_m = (value / 1000 for value in person["root_mm"])
    return f"person {person['id']}, pelvis at x {x_m:+.2f} y {y_m:+.2f} z {z_m:.2f} m"


def _end_after(sender: subprocess.Popen[bytes], receiver: subprocess.Popen[bytes]) -> None:
    """When the sender has ended, let the last messages arrive, then ask the receiver to sum up."""
    sender.wait()
    with contextlib.suppress(subprocess.TimeoutExpired):
        receiver.wait(GRACE_S)
    receiver.terminate()


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _started(arguments: Sequence[str], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """One verb as a process of its own, which does not outlive the block."""
    typer.echo("di2pose " + " ".join(arguments))
    # -P: the working directory may hold a `tools` of its own, which must not be taken for ours.
    process = subprocess.Popen([sys.executable, "-P", "-m", "tools.cli", *arguments], **streams)
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
