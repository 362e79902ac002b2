import os
import sys
import threading

import pytest

from realtime.priority import step_back


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="niceness belongs to a thread on Linux only")
def test_threads_started_later_step_back_and_those_from_before_do_not():
    ranks = {}

    def note(name):
        ranks[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def line():
        step_back()
        note("line")
        worker = threading.Thread(target=note, args=("worker",))
        worker.start()
        worker.join()

    note("before")
    thread = threading.Thread(target=line)
    thread.start()
    thread.join()
    note("after")
    assert ranks["after"] == ranks["before"]
    assert ranks["line"] == ranks["worker"] == max(5, ranks["before"])
