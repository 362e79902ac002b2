"""The screen as a source, on a virtual display where there is one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from realtime.frame import Frame
from realtime.frame_source import SourceError, SourceOptions
from realtime.sources import open_source

OPTIONS = SourceOptions(capture_rate_hz=50.0)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A virtual X display of 320x240 pixels."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb (package xvfb) for a virtual display")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "320x240x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    if not number:
        server.wait(10)
        pytest.skip("Xvfb is installed but does not start")
    monkeypatch.setenv("DISPLAY", f":{number}")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    yield
    server.terminate()
    server.wait(10)


@pytest.mark.parametrize(("text", "size_wh"), [("screen", (320, 240)), ("screen 0 10 20 100 60", (100, 60))])
def test_screen_gives_pictures_of_its_size(text: str, size_wh: tuple[int, int], display: None) -> None:
    with open_source(text, OPTIONS) as source:
        assert source.size_wh == size_wh
        assert (source.live, source.rate_hz) == (True, 50.0)
        frames = [source.read(10.0) for _ in range(3)]
    assert all(isinstance(frame, Frame) and frame.image_rgb.shape == (*size_wh[::-1], 3) for frame in frames)


@pytest.mark.parametrize(
    ("text", "cause"), [("screen 5", "no monitor 5"), ("screen 0 300 0 100 50", "leaves monitor 0")]
)
def test_what_is_not_on_the_screen(text: str, cause: str, display: None) -> None:
    with pytest.raises(SourceError, match=cause) as caught, open_source(text, OPTIONS):
        pass
    assert "320x240" in caught.value.cure


def test_no_display_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("macOS and Windows always have a screen")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match="no screen to read") as caught, open_source("screen", OPTIONS):
        pass
    assert "DISPLAY" in caught.value.cure
