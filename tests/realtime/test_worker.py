"""Waiting for a thread is bounded, and a second Ctrl-C does not cut it short."""

import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from realtime.worker import Worker


def _wait_for(let_go: threading.Event) -> None:
    let_go.wait()


def test_ended_and_running_threads_are_told_apart() -> None:
    let_go = threading.Event()
    worker = Worker(partial(_wait_for, let_go), "test")
    worker.start()
    assert not worker.wait(0.03)
    assert worker.wait(30.0, meanwhile=let_go.set)


def test_ctrl_c_while_waiting_is_raised_after_the_thread_has_ended() -> None:
    ended = threading.Event()

    def work() -> None:
        time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.1)
        ended.set()

    worker = Worker(work, "test")
    worker.start()
    with pytest.raises(KeyboardInterrupt):
        worker.wait(30.0)
    assert ended.is_set()


IMPATIENT = """
import os, signal, sys, threading, time
from realtime.sources import SourceOptions, open_source
try:
    with open_source(sys.argv[1], SourceOptions(loop=True, pace="max")) as source:
        source.read(10.0)
        threading.Timer(0.005, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    time.sleep(0.1)
"""


def test_impatient_ctrl_c_does_not_abort_the_process(shared_dir: Path) -> None:
    clip = shared_dir / "data" / "clips" / "outdoor_walk_1768x994.mp4"
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", IMPATIENT, str(clip)], capture_output=True, timeout=60)
        assert ended.returncode != -signal.SIGABRT, ended.stderr.decode()
