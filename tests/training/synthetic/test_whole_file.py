"""Files whole or not at all, on disks that are really full."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from training.synthetic.whole_file import StorageError, WholeFile

WRITE = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from small_source import SmallSource
    from training.synthetic.shards import write_shard
    from training.synthetic.whole_file import StorageError
    out, limit = Path(sys.argv[1]), int(sys.argv[2])
    source = SmallSource()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write_shard(out / "crops-00000.tar", (source.crop(number) for number in range(60)))
    except StorageError as error:
        print(error)
        print(sorted(path.name for path in out.iterdir()))
""")
"""Sixty crops are about 1.1 MB."""


def run(repo_root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{repo_root}:{repo_root / 'tests' / 'support'}"}
    return subprocess.run(command, cwd=repo_root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("limit", [300_000, 100])
def test_a_file_size_limit_in_the_middle_of_a_shard(repo_root: Path, tmp_path: Path, limit: int) -> None:
    done = run(repo_root, sys.executable, "-c", WRITE, str(tmp_path), str(limit))
    assert done.returncode == 0, done.stderr
    error, left = done.stdout.splitlines()
    assert str(tmp_path / "crops-00000.tar") in error and "too large" in error and "make room" in error
    assert left == "[]"


def test_a_full_disk_in_the_middle_of_a_set(repo_root: Path, tmp_path: Path) -> None:
    """A disk of 512 kB, mounted in a name space of its own: the first of three shards fits, the second does not."""
    mount = f'mount -t tmpfs -o size=512k tmpfs "{tmp_path}" && "$@"; ls -A "{tmp_path}"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        allowed = run(repo_root, *inside, "true").returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this system does not let users mount a disk in a name space")
    done = run(repo_root, *inside, sys.executable, "tests/support/small_source.py", "--out", str(tmp_path))
    last = done.stderr.splitlines()[-1]
    assert "CrewError" in last and str(tmp_path / "crops-00001.tar") in last, done.stderr
    assert "No space left" in last and "make room" in last
    assert sorted(done.stdout.split()) == [".lock", "crops-00000.tar", "dataset.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"file/x.*Not a directory.*choose a place"), WholeFile(tmp_path / "file/x"):
        pass


def test_what_was_there_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(ArithmeticError), WholeFile(path) as file:
        file.write(b"half")
        raise ArithmeticError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with WholeFile(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]
