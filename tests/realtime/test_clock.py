import subprocess
import sys

from realtime import clock


def test_another_process_of_this_host_has_the_same_clock():
    command = "from realtime.clock import clock_id; print(clock_id())"
    other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == clock.clock_id() != ""


def test_without_a_boot_id_the_host_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "BOOT_ID", tmp_path / "missing")
    clock.clock_id.cache_clear()
    assert clock.clock_id().startswith("host-")
    monkeypatch.undo()
    clock.clock_id.cache_clear()
