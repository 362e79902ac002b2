"""Laws of getting the networks: right hash or a clear error, no network once they are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from engine.blazepose import fetch, networks, pip_download
from engine.blazepose.cache import cache_dir, sha256_of, write_atomically
from engine.blazepose.fetch import (
    DETECTOR,
    LANDMARK_FULL,
    LANDMARK_HEAVY,
    NETWORK_FILES,
    TARBALL,
    WHEEL,
    NetworkFilesError,
    network_file,
    network_files,
)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DI2POSE_BLAZEPOSE_DIR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip and an npm whose every index is a port that nobody listens on."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")


def filled(directory: Path, source: Path) -> Path:
    directory.mkdir(parents=True)
    for file in NETWORK_FILES:
        shutil.copy(source / file.name, directory / file.name)
    return directory


def test_fetched_files_have_the_pinned_hash_and_size(networks_dir: Path) -> None:
    for file in NETWORK_FILES:
        assert sha256_of(networks_dir / file.name) == file.sha256
        assert (networks_dir / file.name).stat().st_size == file.size_bytes


@pytest.mark.usefixtures("no_network")
def test_works_offline_once_the_files_are_there(networks_dir: Path, empty_cache: Path) -> None:
    filled(empty_cache / "blazepose", networks_dir)
    assert network_file(LANDMARK_HEAVY) == empty_cache / "blazepose" / LANDMARK_HEAVY.name


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_error_says_what_to_do(empty_cache: Path) -> None:
    with pytest.raises(NetworkFilesError) as caught:
        network_files()
    text = str(caught.value)
    assert "pip says 'ERROR: " in text
    assert "connect this machine to the network" in text
    assert "set DI2POSE_BLAZEPOSE_DIR" in text
    assert not list(empty_cache.glob("blazepose/*"))  # nothing half done is left behind


@pytest.mark.usefixtures("no_network")
def test_without_a_network_npm_says_why_and_what_to_do(networks_dir: Path, empty_cache: Path) -> None:
    filled(empty_cache / "blazepose", networks_dir)
    (empty_cache / "blazepose" / LANDMARK_HEAVY.name).unlink()
    with pytest.raises(NetworkFilesError) as caught:
        network_files()
    text = str(caught.value)
    assert "@mediapipe/pose" in text and "npm says '" in text and "127.0.0.1:9" in text
    assert "connect this machine to the network" in text and "set DI2POSE_BLAZEPOSE_DIR" in text
    assert network_file(LANDMARK_FULL).is_file()  # who runs blazepose does not need the heavy network


@pytest.mark.usefixtures("no_network")
def test_damaged_cached_file_is_fetched_again(networks_dir: Path, empty_cache: Path) -> None:
    damaged = filled(empty_cache / "blazepose", networks_dir) / DETECTOR.name
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(NetworkFilesError, match="cannot download"):  # it tried: there is no network here
        network_files()


def test_directory_of_the_user_is_used_and_checked(
    networks_dir: Path, tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = filled(tmp_path / "mine", networks_dir)
    assert network_file(DETECTOR, mine) == mine / DETECTOR.name
    monkeypatch.setenv("DI2POSE_BLAZEPOSE_DIR", str(mine))
    assert network_files() == mine
    with (mine / LANDMARK_FULL.name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        NetworkFilesError, match=rf"{LANDMARK_FULL.name} is not .* sha256 is .* expected {LANDMARK_FULL.sha256}"
    ):
        network_files()
    (mine / DETECTOR.name).unlink()
    with pytest.raises(NetworkFilesError, match=rf"cannot read .*{DETECTOR.name}: No such file"):
        network_files(mine)


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("a file stands where the directory should be")
    monkeypatch.setenv("DI2POSE_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("DI2POSE_BLAZEPOSE_DIR", raising=False)
    with pytest.raises(NetworkFilesError, match=r"cannot write .* set DI2POSE_CACHE"):
        network_files()


def test_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(pip_download.DownloadError, match=f"expected {WHEEL.sha256}: the package index served"):
        fetch._extract(wheel, WHEEL, tmp_path)
    assert not list(tmp_path.glob("*.tflite"))


def test_package_of_npm_with_another_hash_or_without_the_network_is_refused(tmp_path: Path) -> None:
    tarball = tmp_path / "mediapipe-pose.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("package/pose.js"))
    with pytest.raises(pip_download.DownloadError, match=f"expected {TARBALL.sha256}: the package index served"):
        fetch._extract(tarball, TARBALL, tmp_path)
    with pytest.raises(pip_download.DownloadError, match="holds no file package/other"):
        TARBALL.read(tarball, "package/other")
    assert not list(tmp_path.glob("*.tflite"))


@pytest.mark.slow
def test_without_npm_one_is_borrowed_for_the_download(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs the network: pip brings a Node.js of 61 MB, which is gone afterwards."""
    monkeypatch.setenv("PATH", os.devnull)
    assert sha256_of(network_file(LANDMARK_HEAVY)) == LANDMARK_HEAVY.sha256
    assert [path.name for path in (empty_cache / "blazepose").iterdir()] == [LANDMARK_HEAVY.name]


def test_python_without_pip_gets_the_cure(empty_cache: Path, repo_root: Path) -> None:
    """A real interpreter that cannot see pip: no site-packages (-S), our packages by path."""
    program = (
        f"import sys; sys.path.insert(0, {str(repo_root)!r})\n"
        "from engine.blazepose.fetch import network_files\nnetwork_files()"
    )
    answer = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "NetworkFilesError" in answer.stderr and "-m ensurepip --upgrade" in answer.stderr


@pytest.mark.slow
def test_two_processes_may_fetch_at_once(empty_cache: Path, repo_root: Path) -> None:
    """Needs the network: both download into one empty cache."""
    program = "from engine.blazepose.fetch import network_files; print(network_files())"
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=repo_root, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    expected = str(empty_cache / "blazepose")
    assert [process.communicate()[0].strip() for process in both] == [expected, expected]
    assert sorted(path.name for path in (empty_cache / "blazepose").iterdir()) == sorted(
        file.name for file in NETWORK_FILES
    )


def test_progress_lines_of_pip_become_fractions() -> None:
    assert pip_download._fraction("Progress 1024 of 4096") == 0.25
    assert pip_download._fraction("Progress 5 of 0") is None
    assert pip_download._fraction("Collecting mediapipe==0.10.21") is None


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in range(4)]
    writers = [threading.Thread(target=lambda each=each: [write_atomically(path, each) for _ in range(20)])
               for each in contents]  # fmt: skip
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert not path.exists() or path.read_bytes() in contents
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_converted_graph_is_kept_and_rebuilt_when_damaged(networks_dir: Path, empty_cache: Path) -> None:
    path = networks.detector_onnx(networks_dir)
    assert path.parent == empty_cache / "blazepose"
    content, written_ns = path.read_bytes(), path.stat().st_mtime_ns
    assert networks.detector_onnx(networks_dir).stat().st_mtime_ns == written_ns
    path.write_bytes(content[: len(content) // 2])
    assert networks.detector_onnx(networks_dir).read_bytes() == content
    path.unlink()
    assert networks.detector_onnx(networks_dir).read_bytes() == content


def test_other_outputs_are_another_cached_graph(networks_dir: Path, empty_cache: Path) -> None:
    plain = networks.landmark_onnx(networks.FULL, networks_dir)
    assert networks.landmark_onnx(networks.FULL, networks_dir, features=("trunk_2",)) != plain


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"DI2POSE_CACHE": "/mine"}, "/mine"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/di2pose"),
        ("linux", {"HOME": "/home/ann"}, "/home/ann/.cache/di2pose"),
        ("darwin", {"HOME": "/Users/ann"}, "/Users/ann/Library/Caches/di2pose"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/di2pose"),
    ],
)
def test_cache_follows_the_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("DI2POSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_dir() == Path(expected)
