"""A set of crops is the same bytes however it came about, and errors leave nothing half."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_source import RENDERER, SmallOpening, small_recipe

from training.synthetic.crew import CrewError
from training.synthetic.dataset import Dataset, DatasetError
from training.synthetic.rendering import RenderingError, render
from training.synthetic.shards import ShardError
from training.synthetic.whole_file import parts_in


def bytes_of(directory: Path) -> dict[str, str]:
    """What a set is: every file but the lock, by its hash."""
    names = [path for path in directory.iterdir() if path.name != ".lock"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}


def is_running(group: int) -> bool:
    """Whether a process of the group is left; one that has ended and waits to be reaped does not count."""
    asked = ["ps", "-eo", "pgid=,state="]
    states = [line.split() for line in subprocess.check_output(asked, text=True).splitlines()]
    return any(int(of) == group and state != "Z" for of, state in states)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 crops in three shards, by one worker in one go."""
    out = tmp_path_factory.mktemp("whole")
    report = render(small_recipe(), out, opening=SmallOpening(seed=7))
    assert (report.crops, report.rendered, report.workers) == (45, 45, 1)
    assert {"pose", "draw", "rest", "encode", "write"} == {stage.name for stage in report.stages}
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_two_workers_make_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    report = render(
        small_recipe(), tmp_path, opening=SmallOpening(seed=7), workers=2, progress=lambda *words: told.append(words)
    )
    assert bytes_of(tmp_path) == bytes_of(whole)
    assert report.workers == 2 and report.rendered == 45 and report.as_json()["bytes_per_crop"] > 1000
    assert told[-1][:2] == (45, 45) and [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_killed_in_the_middle_of_a_shard_and_continued(whole: Path, tmp_path: Path, repo_root: Path) -> None:
    script = repo_root / "tests" / "support" / "small_source.py"
    command = [sys.executable, str(script), "--out", str(tmp_path), "--workers", "2", "--delay-s", "0.03"]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        deadline_s = time.monotonic() + 60
        while not (any(tmp_path.glob("crops-*.tar")) and parts_in(tmp_path)):
            assert process.poll() is None and time.monotonic() < deadline_s
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert parts_in(tmp_path)
    finished = {path.name: path.read_bytes() for path in tmp_path.glob("crops-*.tar")}
    assert 1 <= len(finished) < 3
    with pytest.raises(DatasetError, match="run the same"):
        Dataset.open(tmp_path)
    report = render(small_recipe(), tmp_path, opening=SmallOpening(seed=7))
    assert 0 < report.rendered < 45
    assert bytes_of(tmp_path) == bytes_of(whole)


def test_a_finished_set_is_left_alone(copy: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in copy.glob("crops-*.tar")}
    report = render(small_recipe(), copy, opening=SmallOpening(seed=7, fails_at=0))
    assert report.rendered == 0 and report.crops == 45
    assert {path.name: path.stat().st_mtime_ns for path in copy.glob("crops-*.tar")} == before


def test_changed_and_missing_shards_are_made_anew_and_unlisted_ones_read_before_they_count(
    copy: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Unlisted: a run was killed between a shard and the card that tells of it."""
    changed, unlisted, cut = (copy / f"crops-0000{number}.tar" for number in range(3))
    content = bytearray(changed.read_bytes())
    content[5000] ^= 1
    changed.write_bytes(content)
    card = json.loads((copy / "dataset.json").read_text())
    card["shards"] = card["shards"][:1]
    (copy / "dataset.json").write_text(json.dumps(card))
    cut.write_bytes(cut.read_bytes()[:-700])
    untouched_ns = unlisted.stat().st_mtime_ns
    with caplog.at_level(logging.WARNING):
        assert render(small_recipe(), copy, opening=SmallOpening(seed=7)).rendered == 25
    assert "the file was changed" in caplog.text and "cut off" in caplog.text
    assert unlisted.stat().st_mtime_ns == untouched_ns
    assert bytes_of(copy) == bytes_of(whole)


def test_nothing_is_rendered_where_only_the_card_lags_behind(copy: Path, whole: Path) -> None:
    card = json.loads((copy / "dataset.json").read_text())
    card["shards"] = []
    (copy / "dataset.json").write_text(json.dumps(card))
    assert render(small_recipe(), copy, opening=SmallOpening(seed=7, fails_at=0)).rendered == 0
    assert bytes_of(copy) == bytes_of(whole)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (small_recipe(seed=8), "seed 7, not 8"),
        (small_recipe(46), "count 45, not 46"),
        (small_recipe(crops_per_shard=10), "crops_per_shard 20, not 10"),
    ],
)
def test_other_settings_are_refused_by_name(copy: Path, recipe, said: str) -> None:
    with pytest.raises(RenderingError, match=said):
        render(recipe, copy, opening=SmallOpening(seed=7))


def test_other_versions_and_shards_without_a_card_are_refused(copy: Path, whole: Path) -> None:
    (copy / "crops-00002.tar").unlink()
    with pytest.raises(RenderingError, match=f"gl_renderer '{RENDERER}', not 'another driver'"):
        render(small_recipe(), copy, opening=SmallOpening(seed=7, renderer="another driver"))
    (copy / "dataset.json").unlink()
    with pytest.raises(RenderingError, match=r"no dataset.json.*another --out"):
        render(small_recipe(), copy, opening=SmallOpening(seed=7))


def test_a_worker_that_fails_says_why_and_one_that_is_killed_says_so(tmp_path: Path) -> None:
    with pytest.raises(CrewError, match=r"(?s)crop 30 makes no sense.*Traceback.*_go_wrong"):
        render(small_recipe(), tmp_path / "a", opening=SmallOpening(seed=7, fails_at=30))
    assert set(bytes_of(tmp_path / "a")) == {"dataset.json", "crops-00000.tar"}
    with pytest.raises(CrewError, match=r"SIGKILL.*--workers.*same command continues"):
        render(small_recipe(), tmp_path / "b", opening=SmallOpening(seed=7, dies_at=10))
    assert set(bytes_of(tmp_path / "b")) == {"dataset.json"}


def test_ctrl_c_leaves_whole_shards_and_ends_every_process(tmp_path: Path, repo_root: Path) -> None:
    script = repo_root / "tests" / "support" / "small_source.py"
    command = [sys.executable, str(script), "--out", str(tmp_path), "--delay-s", "0.03"]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    process = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 60
    while not (any(tmp_path.glob("crops-*.tar")) and parts_in(tmp_path)):
        assert process.poll() is None and time.monotonic() < deadline_s
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, error = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in error and error.count("Traceback") == 1  # the workers stay silent
    assert parts_in(tmp_path) == [] and {"dataset.json", "crops-00000.tar"} <= set(bytes_of(tmp_path))
    while is_running(process.pid):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_set_is_read_by_number_and_in_order(copy: Path) -> None:
    stored = Dataset.open(copy)
    assert len(stored) == 45
    in_order = list(stored)
    for number in (0, 19, 20, 44):
        assert (stored[number].joints_mm == in_order[number].joints_mm).all()
        assert (stored[number].image_rgb == in_order[number].image_rgb).all()
    with pytest.raises(IndexError, match="0 to 44"):
        stored[45]
    content = bytearray((copy / "crops-00001.tar").read_bytes())
    content[5000] ^= 1
    (copy / "crops-00001.tar").write_bytes(content)
    crops = iter(stored)
    assert len([next(crops) for _ in range(20)]) == 20
    with pytest.raises(ShardError, match=r"crops-00001.tar: sha256"):
        next(crops)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "unreadable"),
        ("[]", "format_version"),
        ('{"format_version": 2}', "2"),
        ('{"format_version": 1}', "promised"),
    ],
)
def test_a_card_that_cannot_be_understood_is_refused(tmp_path: Path, content: str, cause: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DatasetError, match=rf"dataset\.json.*{cause}"):
        Dataset.open(tmp_path)
    with pytest.raises(DatasetError, match="has no dataset.json"):
        Dataset.open(tmp_path / "nowhere")


def test_a_shard_of_another_size_or_missing_is_refused_at_once(copy: Path) -> None:
    (copy / "crops-00001.tar").unlink()
    with pytest.raises(ShardError, match="crops-00001.tar: is missing"):
        Dataset.open(copy)
